"""Several curves as one: a mean and its uncertainty over common steps. Pure functions of arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lander_runtime.scores.intervals import mean_interval

_FEWEST = 4
"""Curves that an interval is worth drawing of: that of three is far wider than they are apart."""

Curve = tuple[Sequence[float], Sequence[float]]
"""x and y of a curve's points, x growing."""

_POINTS = 200
"""Of a band: finer than a picture shows, and few enough for a bootstrap at each."""


def mean_band(curves: Sequence[Curve], points: int = _POINTS) -> tuple[NDArray[np.float64], ...]:
    """Mean of N curves with a bootstrap 95% interval at each of `points` common places.

    Between its points a curve is straight. Only the range that all curves cover is used: beyond it the
    mean would be one of other curves.

    Args:
        curves: N >= 1, each of at least one point.
        points: how many places.

    Returns:
        x, mean, low, high, each `[points]`; `[0]` where no place is common. low and high are the lowest
        and the highest curve where N is under 4.
    """
    first = max(x[0] for x, _ in curves)
    last = min(x[-1] for x, _ in curves)
    if first > last:
        return (np.empty(0),) * 4
    grid = np.linspace(first, last, points)
    values = np.stack([np.interp(grid, x, y) for x, y in curves])
    mean = values.mean(axis=0)
    if len(curves) < _FEWEST:
        return grid, mean, values.min(axis=0), values.max(axis=0)
    # The same resamples at every place, so a band is as smooth as its curves.
    intervals = np.array([mean_interval(column) for column in values.T])
    return grid, mean, intervals[:, 0], intervals[:, 1]
