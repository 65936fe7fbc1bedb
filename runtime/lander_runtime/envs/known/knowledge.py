"""The shape of what can be known about an environment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lander_runtime.spec import Component


def _plain_outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    return "terminated" if terminated else "timed out"


def _no_measures(observations: NDArray[Any], actions: NDArray[Any]) -> Sequence[float | None]:
    return ()


@dataclass(frozen=True)
class Knowledge:
    """Names, units, outcomes and measures of one environment; the defaults say nothing special."""

    observation: tuple[Component, ...] = ()
    """One entry for each component of the observation, in order."""

    actions: tuple[Component, ...] = ()
    """One entry for each discrete action, or for each component of a continuous one."""

    outcome: Callable[[float, object, bool], str] = _plain_outcome
    """(last reward, last observation, terminated) -> how the episode ended, in a word or two."""

    measures: tuple[Component, ...] = ()
    """What a report tells of every episode beside its return and length, such as the fuel that it took."""

    measure: Callable[[NDArray[Any], NDArray[Any]], Sequence[float | None]] = _no_measures
    """(observations `[T + 1, *obs_shape]`, actions `[T, *action_shape]`) of a whole episode -> one number
    for each of `measures`, None where the episode has none. Worker only where there are `measures`."""

    pairs: tuple[tuple[Component, Component], ...] = ()
    """Two of `measures` each that say more in one picture, a mark for each episode: (across, up)."""

    track: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    """Observations `[T + 1, *obs_shape]` -> `[T + 1, 2]`: where that is in the environment's picture, in
    pixels to the right and down from its top left corner; None where an observation does not tell."""

    track_note: str = ""
    """What to know of several episodes' tracks in one picture, in a sentence."""
