"""The learning curve of one run as a picture: returns over environment steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist

from lander_runtime.page.charts.scales import in_words
from lander_trainer.plots.limits import Dot, fit_axes
from lander_trainer.plots.style import BLUE, GREEN, VERMILLION, add_legend, new_picture, save_picture

AXES = {"steps": "environment steps", "seconds": "seconds of training"}
"""What the x axis can be: a key of a row of metrics, and the axis's label."""


def draw_learning_curve(
    rows: Sequence[dict[str, Any]],
    path: Path,
    *,
    title: str,
    reward_threshold: float | None,
    x: str = "steps",
    shaped: bool = False,
) -> None:
    """Draw rows of `metrics.jsonl` into a PNG of 1200 x 675 pixels, or an SVG of that shape.

    Args:
        rows: in order of update; fewer than two draw no line.
        path: where to write, atomically; the suffix decides the format.
        title: the run in a few words.
        reward_threshold: drawn as a line, unless None.
        x: a key of `AXES`.
        shaped: whether training rewards include `shaping`, so that they do not compare with the selections.
    """
    figure, axes = new_picture(title=title, x=AXES[x])
    training, selection = points(rows, "mean_return", x), points(rows, "selection_score", x)
    entries: list[tuple[Artist, str]] = []
    if training[0]:
        label = "training with shaping" if shaped else "training"
        entries += [
            (line, f"{label}, mean of the last 100 episodes") for line in axes.plot(*training, color=BLUE)
        ]
    if selection[0]:
        lines = axes.plot(*selection, "o-", color=VERMILLION, markersize=4)
        entries += [(line, "greedy, on the selection seeds") for line in lines]
    if reward_threshold is not None:
        line = axes.axhline(reward_threshold, color=GREEN, linestyle="--")
        entries.append((line, f"solved at {in_words(reward_threshold)}"))
    dots = [Dot(*place, VERMILLION) for place in zip(*selection, strict=True)]
    entries += fit_axes(axes, training[1], dots, reward_threshold)
    add_legend(figure, entries, columns=3)
    save_picture(figure, path)


def points(rows: Sequence[dict[str, Any]], y: str, x: str = "steps") -> tuple[list[float], list[float]]:
    """Values of x and y, of all rows that have a value for `y`."""
    pairs = [(row.get(x), row.get(y)) for row in rows]
    pairs = [(place, value) for place, value in pairs if place is not None and value is not None]
    return [place for place, _ in pairs], [value for _, value in pairs]
