"""How pictures of runs look: size, colours, axes, and how they are written. What they show is elsewhere."""

import warnings
from pathlib import Path

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lander_runtime.errors import UsageError
from lander_runtime.files import atomic_write

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
"""Okabe and Ito's colours, told apart by colour-blind people too; without yellow, which white swallows."""

LINES = [
    (colour, style)
    for style in ("-", "--", ":", "-.")
    for colour in (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, "black")
]
"""Colour and dash of the first, second, ... line of a picture with many."""

_WIDTH, _HEIGHT, _LEGEND_ROW = 8.0, 4.5, 0.22
"""Inches; at 150 dots each a picture is 1200 x 675 pixels, taller where the legend needs it."""


def new_picture(*, title: str, x: str, legend_rows: int = 1) -> tuple[Figure, Axes]:
    """An empty picture of returns over what `x` says."""
    height = _HEIGHT + _LEGEND_ROW * (legend_rows - 1)
    figure = Figure(figsize=(_WIDTH, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel="return")
    # Names of folders and environments are no formulas, whatever dollar signs they hold.
    axes.set_title(title, parse_math=False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}" if value < 1e6 else f"{value:,.0f}")
    axes.grid(alpha=0.3)
    return figure, axes


def add_legend(figure: Figure, entries: list[tuple[Artist, str]], *, columns: int) -> None:
    """A legend below the axes, where it hides nothing; none without entries."""
    if not entries:
        return
    handles = [handle for handle, _ in entries]
    # Something before an underscore, which would hide the entry.
    labels = [f"./{label}" if label.startswith("_") else label for _, label in entries]
    legend = figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def save_picture(figure: Figure, path: Path) -> None:
    """Write `figure` as what the suffix of `path` says, atomically; equal figures give equal files.

    Raises:
        UsageError: the suffix is neither `.png` nor `.svg`.
    """
    check_picture(path)
    with (
        atomic_write(path) as temporary,
        warnings.catch_warnings(),
        matplotlib.rc_context({"svg.hashsalt": "lander"}),
    ):
        # A name in a script that the font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        kind = path.suffix.lower().removeprefix(".")
        figure.savefig(temporary, format=kind, metadata={"Date": None} if kind == "svg" else None)


def check_picture(path: Path) -> None:
    """Raises UsageError where `path` cannot be written as a picture."""
    if path.suffix.lower() not in (".png", ".svg") or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} should be a file whose name ends in .png or .svg.")
