"""The look of all pictures of runs: size, colours, axes, legend; and saving them."""

import math
import warnings
from pathlib import Path

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lander_runtime.errors import UsageError
from lander_runtime.files import atomic_write
from lander_runtime.page.charts.scales import in_words

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
"""Okabe and Ito's palette, which colour-blind people can tell apart; without yellow, too pale on white."""

LINES = [
    (colour, style)
    for style in ("-", "--", ":", "-.")
    for colour in (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, "black")
]
"""Colour and dash of the first, second, ... line of a picture."""

_WIDTH, _HEIGHT, _LEGEND_ROW = 8.0, 4.5, 0.22
"""Inches; at 150 dots each a picture is 1200 x 675 pixels, taller where the legend needs it."""


def new_picture(*, title: str, x: str) -> tuple[Figure, Axes]:
    """An empty picture: returns over an x axis labelled `x`."""
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel="return")
    # Names of folders and environments may contain dollar signs, which must not become formulas.
    axes.set_title(title, parse_math=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: in_words(value))
    axes.grid(alpha=0.3)
    return figure, axes


def add_legend(figure: Figure, entries: list[tuple[Artist, str]], *, columns: int) -> None:
    """A legend below the axes, where it hides nothing and makes the picture taller; none without entries."""
    if not entries:
        return
    handles = [handle for handle, _ in entries]
    # Matplotlib hides entries that begin with an underscore.
    labels = [f"./{label}" if label.startswith("_") else label for _, label in entries]
    rows = math.ceil(sum(label.count("\n") + 1 for label in labels) / columns)
    figure.set_figheight(_HEIGHT + _LEGEND_ROW * (rows - 1))
    legend = figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def save_picture(figure: Figure, path: Path) -> None:
    """Write `figure` to `path` atomically, in the format of its suffix; equal figures give equal files.

    Raises:
        UsageError: the suffix is neither `.png` nor `.svg`.
    """
    check_picture(path)
    with (
        atomic_write(path) as temporary,
        warnings.catch_warnings(),
        matplotlib.rc_context({"svg.hashsalt": "lander"}),
    ):
        # Characters that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        kind = path.suffix.lower().removeprefix(".")
        figure.savefig(temporary, format=kind, metadata={"Date": None} if kind == "svg" else None)


def check_picture(path: Path) -> None:
    """Check that a picture can be written to `path`.

    Raises:
        UsageError: it is a folder or the like, or its suffix is neither `.png` nor `.svg`.
    """
    if path.suffix.lower() not in (".png", ".svg") or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} should be a file whose name ends in .png or .svg.")
