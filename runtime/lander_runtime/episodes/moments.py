"""One episode, moment by moment, whoever chooses the actions: what is drawn, and what is held against a file.

Apart from `episodes.py`, whose fleets step many episodes at once and show none of them on the way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lander_runtime.episodes.episode import Episode
from lander_runtime.episodes.fleet import Actor
from lander_runtime.episodes.lane import Lane


@dataclass(frozen=True)
class Moment:
    """An episode after its reset or after one of its steps; the lane shows the rest."""

    action: Any = None
    """What was just done; None after the reset."""
    episode: Episode | None = None
    """The episode, once it has ended."""


def moments_of(lane: Lane, actor: Actor, seed: int, index: int = 0) -> Iterator[Moment]:
    """Fly the episode of `seed` in `lane` as scoring does: same actor, same environment, same generator."""
    lane.start((index, seed))
    moment = Moment()
    yield moment
    while moment.episode is None:
        action = actor(lane.obs[None], [lane.generator])[0]
        moment = Moment(action, lane.step(action))
        yield moment
