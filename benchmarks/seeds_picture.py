"""The learning curves of several training seeds in one picture, with the confidence interval of their mean.

Separate from `seeds.py` because it only draws.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lander_runtime.files import atomic_write
from lander_runtime.scores.intervals import mean_interval
from trials import CURVE_POINTS, Trial

BLUE, GREEN, GREY = "#2f5d9b", "#3f8f5b", "#8c96a3"


def draw_seeds(trials: Sequence[Trial], path: Path, *, title: str, threshold: float | None) -> None:
    """Draw a PNG of 1350 x 780 pixels: a thin line a seed, a bold one for the mean, a band for its interval.

    Args:
        trials: one a training seed, each with a curve.
        path: where to write, atomically.
        title: the runs in a few words.
        threshold: the return that counts as solved, drawn as a line; None for no line.
    """
    figure = Figure(figsize=(9, 5.2), dpi=150, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, trial in enumerate(trials):
        label = "one training seed" if number == 0 else None
        axes.plot(*zip(*trial.curve, strict=True), color=GREY, linewidth=0.9, alpha=0.75, label=label)
    steps, values = on_one_grid([trial.curve for trial in trials])
    if len(trials) > 1:
        low, high = np.array([mean_interval(column) for column in values.T]).T
        label = "95% bootstrap interval of the mean"
        axes.fill_between(steps, low, high, color=BLUE, alpha=0.2, linewidth=0, label=label)
        axes.plot(steps, values.mean(axis=0), color=BLUE, linewidth=2.4, label=f"mean of {len(trials)} seeds")
    if threshold is not None:
        label = f"solved at {threshold:g}"
        axes.axhline(threshold, color=GREEN, linestyle=(0, (5, 3)), linewidth=1.3, label=label)
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=12)
    axes.set_xlabel("environment steps")
    axes.set_ylabel("return, mean of the last 100 training episodes")
    axes.set_xlim(0, max(trial.curve[-1][0] for trial in trials))
    axes.set_ylim(*_limits(values, threshold))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.7)
    axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", fontsize=9)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")


def on_one_grid(
    curves: Sequence[Sequence[tuple[int, float]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Curves of (steps, value), interpolated where all of them have values.

    Returns:
        steps `[CURVE_POINTS]` and values `[curves, CURVE_POINTS]`.
    """
    arrays = [np.array(curve, dtype=np.float64) for curve in curves]
    grid = np.linspace(max(a[0, 0] for a in arrays), min(a[-1, 0] for a in arrays), CURVE_POINTS)
    return grid, np.array([np.interp(grid, a[:, 0], a[:, 1]) for a in arrays])


def _limits(values: NDArray[np.float64], threshold: float | None) -> tuple[float, float]:
    """Limits for most of the curves: a few crashes in the first updates may be far below all other values."""
    low, high = float(np.quantile(values, 0.005)), float(values.max())
    if threshold is not None:
        high = max(high, threshold)
    margin = 0.06 * (high - low)
    return low - margin, high + margin
