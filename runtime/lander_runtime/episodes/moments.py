"""One episode, step by step, to draw it or to compare it with a replay file.

Apart from `fleet.py`, which steps many episodes at once and returns them only when they have ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lander_runtime.episodes.episode import Episode
from lander_runtime.episodes.fleet import Actor
from lander_runtime.episodes.lane import Lane


@dataclass(frozen=True)
class Moment:
    """The state after the reset or after a step; the lane has the observation, reward and return."""

    action: Any = None
    """The action of this step; None after the reset."""
    episode: Episode | None = None
    """The finished episode, in the last moment only."""


def moments_of(lane: Lane, actor: Actor, seed: int, index: int = 0) -> Iterator[Moment]:
    """Run the episode of `seed` in `lane` as an evaluation does: same actor, environment and generator."""
    lane.start((index, seed))
    moment = Moment()
    yield moment
    while moment.episode is None:
        lane.check_numbers()
        action = actor(lane.obs[None], [lane.generator])[0]
        moment = Moment(action, lane.step(action))
        yield moment
