"""What an engine promises."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.job import Job


class Engine(Protocol):
    """Flies shards of a job, anywhere and in any order, and gives them back in order."""

    @property
    def description(self) -> str:
        """What flies, in a few words for the report, such as `2 processes`."""
        ...

    def shards(self, episodes: int, lanes: int) -> Iterable[range]:
        """Cut `episodes` into ranges of episode numbers, of a size that suits this engine.

        One by one and never as a list, which for a billion episodes would fill the memory.
        """
        ...

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        """The episodes of each shard, in the order of `shards`. Closing the iterator ends all work.

        Raises:
            LanderError: what went wrong in a shard that could not be mended by flying it again.
        """
        ...


def cut(episodes: int, size: int) -> Iterator[range]:
    """The numbers 0 to `episodes - 1` in ranges of `size`; the last one may be shorter."""
    return (range(start, min(start + size, episodes)) for start in range(0, episodes, size))
