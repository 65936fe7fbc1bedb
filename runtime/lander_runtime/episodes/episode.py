"""One episode as data: its score, how it ended and, where asked for, what happened at each step."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Keep:
    """What to keep of every step; by default nothing, because it adds up."""

    actions: bool = False
    """Actions and rewards, what a replay needs."""
    observations: bool = False
    """Those of an environment with small ones; images are refused, a few episodes of which fill a machine."""

    def __or__(self, other: "Keep") -> "Keep":
        """What both want."""
        return Keep(self.actions or other.actions, self.observations or other.observations)


NOTHING = Keep()


@dataclass(frozen=True, eq=False)
class Trajectory:
    """An episode of T steps, as far as it was to be kept; what was not is empty."""

    actions: NDArray[Any]
    """`[T]` int64 (Discrete) or `[T, *action_shape]`."""
    rewards: NDArray[np.float64]
    """`[T]`"""
    observations: NDArray[Any]
    """`[T + 1, *obs_shape]`, the one of the reset first."""


@dataclass(frozen=True)
class Episode:
    """One finished episode."""

    index: int
    seed: int
    return_: float
    """Undiscounted sum of rewards."""
    length: int
    """Steps."""
    outcome: str
    """How it ended, such as `landed`, `crashed`, `timed out`."""
    measures: tuple[float | None, ...] = ()
    """What is measured in this environment (`Knowledge.measures`), in that order; None where it has none."""
    trajectory: Trajectory | None = None
    """Its steps, where they were to be kept."""


class EpisodeObserver(Protocol):
    """Hears of every episode once it has ended."""

    def on_episode(self, episode: Episode) -> None: ...
