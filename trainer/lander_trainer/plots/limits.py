"""The part of the axes that is drawn, and marks for dots below it.

The first greedy policies may score ten times lower than all that follows. Drawn to scale, one such dot would
press the lines into a strip at the top.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lander_runtime.page.charts.scales import in_words

_ROOM = 0.5
"""Dots are drawn to scale down to so much below the lines, as a share of the lines' height."""

_MOST_BELOW = 2 / 3
"""Where more of the dots are lower, they are no exceptions, and everything is drawn to scale."""

_MARGIN, _MARGIN_OF_MARKS = 0.05, 0.12
"""Empty room above and below, as shares of the height that is drawn."""

_MARK_HEIGHT = 0.035
"""Of a mark in the axes, as a share of their height."""

_LABEL_WIDTH = 0.18
"""Of a mark's label, as a share of the axes' width; marks that are closer have one label."""


@dataclass(frozen=True)
class Dot:
    """A selection score in a picture."""

    x: float
    y: float
    colour: str


def lowest_shown(
    lines: Sequence[float], dots: Sequence[float], threshold: float | None = None
) -> float | None:
    """The least return that is drawn to scale; None where nothing is left out.

    Lines and the threshold are never left out, nor are dots above them: those are what training is for.

    Args:
        lines: all values of lines and bands.
        dots: the selection scores.
        threshold: the return from which the environment is solved.
    """
    if not lines:
        return None
    kept = [*lines, *([] if threshold is None else [threshold])]
    height = max(kept) - min(kept)
    if height == 0.0:
        return None  # Nothing says how far is far.
    floor = min(kept) - _ROOM * height
    below = sum(score < floor for score in dots)
    if not 0 < below <= _MOST_BELOW * len(dots):
        return None
    return min(*kept, *(score for score in dots if score >= floor))


def fit_axes(
    axes: Axes, lines: Sequence[float], dots: Sequence[Dot], threshold: float | None
) -> list[tuple[Artist, str]]:
    """Begin the x axis at 0, and leave out dots far below the lines; returns entries of the legend.

    A dot that is left out has a mark at the lower edge, with its return.
    """
    axes.set_xlim(left=0)
    lowest = lowest_shown(lines, [dot.y for dot in dots], threshold)
    if lowest is None:
        return []
    drawn = [*lines, *(dot.y for dot in dots)]
    highest = max(drawn) if threshold is None else max(*drawn, threshold)
    height = highest - lowest
    axes.set_ylim(lowest - _MARGIN_OF_MARKS * height, highest + _MARGIN * height)
    below = [dot for dot in dots if dot.y < lowest]
    for dot in below:
        axes.plot(
            dot.x, _MARK_HEIGHT, "v", color=dot.colour, markersize=5, transform=axes.get_xaxis_transform()
        )
    for neighbours in _neighbours(below, _LABEL_WIDTH * axes.get_xlim()[1]):
        _label(axes, neighbours)
    mark = Line2D([], [], linestyle="", marker="v", color="0.4", markersize=5)
    return [(mark, "dots below the picture, with their returns")]


def _neighbours(dots: Sequence[Dot], nearest: float) -> list[list[Dot]]:
    """The dots from left to right, those within `nearest` of the one before together with it."""
    groups: list[list[Dot]] = []
    for dot in sorted(dots, key=lambda dot: dot.x):
        if groups and dot.x - groups[-1][-1].x <= nearest:
            groups[-1].append(dot)
        else:
            groups.append([dot])
    return groups


def _label(axes: Axes, dots: Sequence[Dot]) -> None:
    """The return of neighbouring marks, or the lowest and the highest of them, beside the marks."""
    ends = dict.fromkeys(in_words(round(pick(dot.y for dot in dots))) for pick in (min, max))
    # At the right end there is no room for it on the right of its mark.
    left = dots[-1].x > (1 - _LABEL_WIDTH) * axes.get_xlim()[1]
    axes.annotate(
        " to ".join(ends),
        xy=(dots[0].x if left else dots[-1].x, _MARK_HEIGHT),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-6 if left else 6, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=8,
    )
