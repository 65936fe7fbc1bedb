"""The engine that needs nothing: episodes flown in this process."""

from collections.abc import Iterable, Iterator
from contextlib import closing

from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.engine import cut
from lander_runtime.evaluation.job import Job, JobRunner


class LocalEngine:
    """Flies in this process; takes every policy and draws every window."""

    description = "1 process"

    def shards(self, episodes: int, lanes: int) -> Iterable[range]:
        # Lanes fall idle at the end of a shard, so it should be several times as long as they are many;
        # one lane never does, and whoever watches it wants to hear of every episode.
        return cut(episodes, 1 if lanes == 1 else 4 * lanes)

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        with closing(JobRunner(job)) as runner:
            for shard in shards:
                yield runner.run(shard)
