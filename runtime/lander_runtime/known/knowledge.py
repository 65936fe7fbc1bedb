"""The shape of what can be known about an environment."""

from collections.abc import Callable
from dataclasses import dataclass

from lander_runtime.spec import Component


def _plain_outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    return "terminated" if terminated else "timed out"


@dataclass(frozen=True)
class Knowledge:
    """Names, units and outcomes of one environment; the defaults say nothing special."""

    observation: tuple[Component, ...] = ()
    """One entry for each component of the observation, in order."""

    actions: tuple[Component, ...] = ()
    """One entry for each discrete action, or for each component of a continuous one."""

    outcome: Callable[[float, object, bool], str] = _plain_outcome
    """(last reward, last observation, terminated) -> how the episode ended, in a word or two."""
