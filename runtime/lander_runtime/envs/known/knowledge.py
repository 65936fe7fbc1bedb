"""The record that describes an environment: names, units, outcomes, measures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lander_runtime.spec import Component


def plain_outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    """The word for an end of which nothing is known."""
    return "terminated" if terminated else "timed out"


def _no_measures(observations: NDArray[Any], actions: NDArray[Any]) -> Sequence[float | None]:
    return ()


@dataclass(frozen=True)
class Knowledge:
    """Names, units, outcomes and measures of one environment; the defaults fit any environment."""

    observation: tuple[Component, ...] = ()
    """One entry for each component of the observation, in order."""

    actions: tuple[Component, ...] = ()
    """One entry for each discrete action."""

    controls: tuple[Component, ...] = ()
    """One entry for each component of a continuous action. Some environments have an argument that chooses
    between the two kinds."""

    outcome: Callable[[float, object, bool], str] = plain_outcome
    """(last reward, last observation, terminated) -> how the episode ended, in a word or two."""

    measures: tuple[Component, ...] = ()
    """Numbers that a report has for each episode beside return and length, such as engine uses."""

    measure: Callable[[NDArray[Any], NDArray[Any]], Sequence[float | None]] = _no_measures
    """(observations `[T + 1, *obs_shape]`, actions `[T, *action_shape]`) of a whole episode -> one number
    for each of `measures`, None where the episode has none. Called only if there are `measures`."""

    pairs: tuple[tuple[Component, Component], ...] = ()
    """Pairs of `measures` for scatter plots, as (horizontal, vertical)."""

    track: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    """Observations `[T + 1, *obs_shape]` -> positions `[T + 1, 2]` in the environment's picture, in pixels
    right and down from the top left corner; None if observations do not contain the position."""

    track_note: str = ""
    """A sentence for the reader of a picture with several episodes' tracks."""

    score_note: str = ""
    """Three to five sentences for the reader of a score: what it is made of, what the threshold means, what a
    good one looks like. Empty if nothing is known."""

    draws_single_uniforms: bool = False
    """Whether its steps draw uniform numbers from `np_random`, one at a time: see `envs/quick.py`."""
