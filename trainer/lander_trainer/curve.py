"""The learning curve as a picture: what the policy earned over the steps it was trained for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lander_runtime.files import atomic_write


def draw_learning_curve(
    rows: Sequence[dict[str, Any]], path: Path, *, title: str, reward_threshold: float | None
) -> None:
    """Draw rows of `metrics.jsonl` into a PNG of 1200 x 675 pixels.

    Args:
        rows: in order of update; fewer than two draw an empty frame.
        path: where to write, atomically.
        title: the run in a few words.
        reward_threshold: drawn as a line where there is one.
    """
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    training = [(row["steps"], row["mean_return"]) for row in rows if row["mean_return"] is not None]
    selection = [(row["steps"], row["selection_score"]) for row in rows if row["selection_score"] is not None]
    if training:
        axes.plot(
            *zip(*training, strict=True), color="#4c72b0", label="training, mean of the last 100 episodes"
        )
    if selection:
        axes.plot(
            *zip(*selection, strict=True), "o-", color="#dd8452", label="greedy, on the selection seeds"
        )
    if reward_threshold is not None:
        axes.axhline(
            reward_threshold, color="#55a868", linestyle="--", label=f"solved at {reward_threshold:g}"
        )
    axes.set(xlabel="environment steps", ylabel="return", title=title)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(alpha=0.3)
    if training or selection:
        axes.legend(loc="lower right")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")
