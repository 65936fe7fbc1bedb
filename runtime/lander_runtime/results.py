"""What every episode of an evaluation came to, in columns that stay small however many there are.

Apart from `episodes.py`: an episode as an object takes some hundred bytes, as a row of columns 13 and
8 for every measure, and a million of them must fit.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lander_runtime.spec import Component

if TYPE_CHECKING:
    from lander_runtime.episodes import Episode


@dataclass(frozen=True, eq=False)
class Results:
    """N episodes in the order of their seeds."""

    returns: NDArray[np.float64]
    """`[N]`, undiscounted sums of rewards."""
    lengths: NDArray[np.int32]
    """`[N]`, steps."""
    outcome_names: tuple[str, ...]
    """The outcomes that occurred, in the order in which they first did."""
    outcome_codes: NDArray[np.uint8]
    """`[N]`: which of `outcome_names`."""
    measures: dict[Component, NDArray[np.float64]]
    """For each measure of the environment `[N]`, NaN where an episode has none."""

    def __len__(self) -> int:
        return len(self.returns)

    @property
    def outcomes(self) -> list[str]:
        """`[N]`: how each episode ended."""
        return [self.outcome_names[code] for code in self.outcome_codes]

    @property
    def outcome_counts(self) -> dict[str, int]:
        """How many episodes ended in which way."""
        counts = np.bincount(self.outcome_codes, minlength=len(self.outcome_names)).tolist()
        return dict(zip(self.outcome_names, counts, strict=True))


class Collected:
    """Results that grow; episodes are added in the order of their seeds."""

    def __init__(self, measures: Sequence[Component]) -> None:
        self._components = tuple(measures)
        self._returns, self._lengths, self._codes = array("d"), array("i"), array("B")
        self._names: dict[str, int] = {}
        self._measures = [array("d") for _ in measures]

    def add(self, episodes: "Iterable[Episode]") -> None:
        for episode in episodes:
            self._returns.append(episode.return_)
            self._lengths.append(episode.length)
            self._codes.append(self._names.setdefault(episode.outcome, len(self._names)))
            for column, value in zip(self._measures, episode.measures, strict=True):
                column.append(np.nan if value is None else value)

    def results(self) -> Results:
        """What was added so far."""
        return Results(
            returns=np.array(self._returns),
            lengths=np.array(self._lengths, np.int32),
            outcome_names=tuple(self._names),
            outcome_codes=np.array(self._codes, np.uint8),
            measures={
                component: np.array(column)
                for component, column in zip(self._components, self._measures, strict=True)
            },
        )
