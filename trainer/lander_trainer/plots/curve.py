"""The learning curve as a picture: what the policy earned over the steps it was trained for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist

from lander_trainer.plots.style import BLUE, GREEN, VERMILLION, add_legend, new_picture, save_picture

AXES = {"steps": "environment steps", "seconds": "seconds of training"}
"""What a curve can be drawn over: the entry of a row, and what the axis says."""


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
        rows: in order of update; fewer than two draw an empty frame.
        path: where to write, atomically; the suffix says which of the two.
        title: the run in a few words.
        reward_threshold: drawn as a line where there is one.
        x: one of `AXES`.
        shaped: training was paid with `shaping` too, so that its line does not compare with the selections.
    """
    figure, axes = new_picture(title=title, x=AXES[x])
    training, selection = points(rows, "mean_return", x), points(rows, "selection_score", x)
    entries: list[tuple[Artist, str]] = []
    if training[0]:
        paid = "training with shaping" if shaped else "training"
        entries += [
            (line, f"{paid}, mean of the last 100 episodes") for line in axes.plot(*training, color=BLUE)
        ]
    if selection[0]:
        lines = axes.plot(*selection, "o-", color=VERMILLION, markersize=4)
        entries += [(line, "greedy, on the selection seeds") for line in lines]
    if reward_threshold is not None:
        line = axes.axhline(reward_threshold, color=GREEN, linestyle="--")
        entries.append((line, f"solved at {reward_threshold:g}"))
    add_legend(figure, entries, columns=3)
    save_picture(figure, path)


def points(rows: Sequence[dict[str, Any]], y: str, x: str = "steps") -> tuple[list[float], list[float]]:
    """The x and y of all rows that have a value for `y`."""
    pairs = [(row[x], row[y]) for row in rows if row[y] is not None]
    return [at for at, _ in pairs], [value for _, value in pairs]
