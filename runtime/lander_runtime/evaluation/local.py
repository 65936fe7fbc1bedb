"""The simplest engine: runs the episodes in this process."""

from collections.abc import Iterable, Iterator
from contextlib import closing

from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.engine import cut
from lander_runtime.evaluation.job import Job, JobRunner


class LocalEngine:
    """Runs in this process; works with any policy, also one that cannot be pickled, and can open a window."""

    description = "1 process"

    def shards(self, episodes: int, lanes: int) -> Iterable[range]:
        # Lanes are idle at the end of a shard, so a shard has several episodes for each lane. A single lane
        # is never idle: one episode for each shard lets the observer be called after each episode.
        return cut(episodes, 1 if lanes == 1 else 4 * lanes)

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        with closing(JobRunner(job)) as runner:
            for shard in shards:
                try:
                    episodes = runner.run(shard)
                except KeyboardInterrupt:
                    yield runner.finished()
                    raise
                yield episodes
