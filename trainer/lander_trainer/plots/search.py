"""Pictures of a search for settings: its history, and what each setting matters."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from matplotlib.ticker import MaxNLocator

from lander_trainer.plots.style import BLUE, ORANGE, add_legend, new_picture, save_picture


def draw_history(
    trials: Sequence[tuple[int, float]], out: Path, *, title: str, value: str, maximise: bool
) -> None:
    """Draw the value of every completed trial, and the best so far.

    Args:
        trials: number and value, in the order of the numbers; at least one.
        out: a .png or .svg file.
        title: of the picture.
        value: what the values are, for the axis.
        maximise: whether larger values are better.

    Raises:
        UsageError: `out` is neither.
    """
    figure, axes = new_picture(title=title, x="trial")
    numbers, values = [number for number, _ in trials], [value for _, value in trials]
    best = list(accumulate(values, max if maximise else min))
    dots = axes.scatter(numbers, values, s=18, color=BLUE, zorder=3)
    [line] = axes.step(numbers, best, where="post", color=ORANGE)
    axes.set(ylabel=value)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(figure, [(dots, "completed trials"), (line, "best so far")], columns=2)
    save_picture(figure, out)


def draw_importance(shares: Mapping[str, float], out: Path, *, title: str) -> None:
    """Draw the share of each setting as a bar, the largest on top.

    Args:
        shares: by setting, from 0 to 1.
        out: a .png or .svg file.
        title: of the picture.

    Raises:
        UsageError: `out` is neither.
    """
    figure, axes = new_picture(title=title, x="share of what makes trials differ")
    names = sorted(shares, key=lambda name: shares[name])
    places = range(len(names))
    bars = axes.barh(places, [shares[name] for name in names], color=BLUE, zorder=3)
    axes.set_yticks(places, names)
    axes.bar_label(bars, [f"{shares[name]:.0%}" for name in names], padding=3)
    axes.margins(x=0.12)
    axes.set(ylabel="")
    save_picture(figure, out)
