"""The observations of the episodes that run, all lanes' in one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 256


class ObservationHistory:
    """Observations of lanes that are stepped together, a row for each step and a column for each lane.

    In one array, which is written once a step. A copy for each lane and step would take a microsecond: what
    it touches pushes the environments out of the processor's cache.
    """

    def __init__(self, lanes: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._rows = np.empty((_ROWS, lanes, *shape), dtype)
        self._next = 0
        self._first: dict[int, int] = {}
        """The row with the first observation of the episode that runs in a column."""

    def begin(self, column: int) -> None:
        """An episode begins in `column`, with the row that comes next."""
        self._first[column] = self._next

    def add(self, columns: Sequence[int] | slice, obs: NDArray[Any]) -> None:
        """Keep one observation for each of `columns`, `[len(columns), *shape]`."""
        if self._next == len(self._rows):
            self._make_room()
        self._rows[self._next, columns] = obs
        self._next += 1

    def end(self, column: int, last: NDArray[Any]) -> NDArray[Any]:
        """The episode in `column` ends with the observation `last`; returns all of it, `[T + 1, *shape]`."""
        return np.concatenate([self._rows[self._first.pop(column) : self._next, column], [last]])

    def _make_room(self) -> None:
        """Drop the rows before the oldest running episode; double the array where that is less than half."""
        oldest = min(self._first.values(), default=self._next)
        if oldest < len(self._rows) // 2:
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            return
        kept = self._next - oldest
        self._rows[:kept] = self._rows[oldest : self._next]
        self._next = kept
        self._first = {column: first - oldest for column, first in self._first.items()}
