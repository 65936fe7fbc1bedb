"""The protocol of engines, which run the episodes of an evaluation."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.job import Job


class Engine(Protocol):
    """Runs the shards of a job anywhere, in any order, and returns their episodes in order."""

    @property
    def description(self) -> str:
        """What runs the episodes, in a few words for the report, such as `2 processes`."""
        ...

    def shards(self, episodes: int, lanes: int) -> Iterable[range]:
        """Cut `episodes` into ranges of episode numbers, of a size that suits this engine.

        An iterable and not a list, which would fill the memory for a billion episodes.
        """
        ...

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        """The episodes of each shard, in the order of `shards`. Closing the iterator ends all work.

        After Ctrl-C come those that have ended, without a gap, and then KeyboardInterrupt.

        Raises:
            LanderError: a shard failed, also when it was run again.
        """
        ...


def cut(episodes: int, size: int) -> Iterator[range]:
    """Ranges of `size` numbers that cover 0 to `episodes - 1`; the last one may be shorter."""
    return (range(start, min(start + size, episodes)) for start in range(0, episodes, size))
