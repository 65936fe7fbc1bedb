"""One episode as data: its return, its outcome and, on request, its steps."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.actions_seen import ActionsSeen


@dataclass(frozen=True)
class Keep:
    """Which data of each step to keep; by default none, to save memory."""

    actions: bool = False
    """Actions and rewards, as a replay needs them."""
    observations: bool = False
    """Observations, if they are small. Images are refused: a few episodes of them fill the memory."""
    actions_seen: bool = False
    """Which actions there were, all together, of an episode with continuous ones."""

    def __or__(self, other: "Keep") -> "Keep":
        """Everything that either of the two keeps."""
        return Keep(
            self.actions or other.actions,
            self.observations or other.observations,
            self.actions_seen or other.actions_seen,
        )


NOTHING = Keep()


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The steps of an episode, T of them; an array that was not kept is empty."""

    actions: NDArray[Any]
    """`[T]` int64 (Discrete) or `[T, *action_shape]`."""
    rewards: NDArray[np.float64]
    """`[T]`"""
    observations: NDArray[Any]
    """`[T + 1, *obs_shape]`, the first one from the reset."""


@dataclass(frozen=True)
class Episode:
    """One finished episode."""

    index: int
    """Its number within the evaluation, from 0."""
    seed: int
    return_: float
    """Undiscounted sum of rewards."""
    length: int
    """Steps."""
    outcome: str
    """How it ended, such as `landed`, `crashed`, `timed out`."""
    measures: tuple[float | None, ...] = ()
    """One value for each of the environment's `Knowledge.measures`; None where this episode has none."""
    trajectory: Trajectory | None = None
    """Its steps; None unless `Keep` requests some."""
    actions_seen: ActionsSeen | None = None
    """What its actions were; None unless `Keep` requests it."""


class EpisodeObserver(Protocol):
    """Is called with every episode after its end."""

    def on_episode(self, episode: Episode) -> None: ...
