"""Speed over batch size, a line for each runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lander_trainer.plots.style import LINES, add_legend, new_picture, save_picture


def draw_speeds(lines: Mapping[str, Sequence[tuple[int, float]]], title: str, out: Path) -> None:
    """Draw actions per second over the batch size, both axes in powers of ten.

    Args:
        lines: by runtime: pairs of batch size and actions per second.
        title: of the picture.
        out: a .png or .svg file.

    Raises:
        UsageError: `out` is neither.
    """
    figure, axes = new_picture(title=title, x="observations in a batch")
    entries = []
    for (name, points), (colour, style) in zip(lines.items(), LINES, strict=False):
        [line] = axes.plot(
            [batch for batch, _ in points], [rate for _, rate in points], style, color=colour, marker="o",
            markersize=4,
        )  # fmt: skip
        entries.append((line, name))
    axes.set(xscale="log", yscale="log", ylabel="actions per second")
    add_legend(figure, entries, columns=3)
    save_picture(figure, out)
