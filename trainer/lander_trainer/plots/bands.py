"""Several curves as one: their mean and its confidence interval. Pure functions of arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lander_runtime.scores.intervals import mean_interval

FEWEST = 4
"""Curves from which an interval is drawn: the interval of three is far wider than their distance."""

Curve = tuple[Sequence[float], Sequence[float]]
"""x and y of a curve's points, x growing."""

_POINTS = 200
"""Points of a band: finer than a picture shows, and few enough for a bootstrap at each."""


def mean_band(
    curves: Sequence[Curve], points: int = _POINTS, *, interval: bool = True
) -> tuple[NDArray[np.float64], ...]:
    """Mean of N curves, with a bootstrap 95% interval at each of `points` common values of x.

    Curves are interpolated linearly. Only the range of x that all curves cover is used, so that every mean is
    of the same curves.

    Args:
        curves: N >= 1, each with at least one point.
        points: number of values of x.
        interval: whether the curves are of different seeds, so that N >= 4 have an interval.

    Returns:
        x, mean, low, high, each `[points]`, or `[0]` if the curves have no x in common. Without an
        interval, low and high are the lowest and the highest curve.
    """
    first = max(x[0] for x, _ in curves)
    last = min(x[-1] for x, _ in curves)
    if first > last:
        return (np.empty(0),) * 4
    grid = np.linspace(first, last, points)
    values = np.stack([np.interp(grid, x, y) for x, y in curves])
    mean = values.mean(axis=0)
    if not interval or len(curves) < FEWEST:
        return grid, mean, values.min(axis=0), values.max(axis=0)
    # The same resamples at every x, so that the band is as smooth as the curves.
    intervals = np.array([mean_interval(column) for column in values.T])
    return grid, mean, intervals[:, 0], intervals[:, 1]
