"""Times of calls, taken in turns, so that a change of the machine's speed affects all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

_ROUNDS = 5
_SECONDS = 0.08
"""Of each call in a round."""
_WARM_UP = 3
_MOST = 4_000
"""Calls in a round."""


@dataclass(frozen=True)
class Timing:
    """Percentiles of the wall-clock time of a call, in seconds."""

    p50: float
    p99: float


def timings(calls: Mapping[str, Callable[[], object]]) -> dict[str, Timing]:
    """Time each of some functions without arguments."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(_WARM_UP):
            call()
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            times[name] += _some(call)
    return {
        name: Timing(*(float(value) for value in np.percentile(found, [50, 99])))
        for name, found in times.items()
    }


def _some(call: Callable[[], object]) -> list[float]:
    found: list[float] = []
    end = time.perf_counter() + _SECONDS
    while not found or (len(found) < _MOST and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return found
