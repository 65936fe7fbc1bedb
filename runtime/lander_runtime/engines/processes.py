"""The engine for one machine: worker processes that know nothing of each other."""

import queue
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from lander_runtime import envs
from lander_runtime.engines.engine import cut
from lander_runtime.engines.job import Job, JobRunner
from lander_runtime.episodes import Episode
from lander_runtime.remote import Remote, WorkerDied

_ATTEMPTS = 3
"""A shard that has taken so many workers down is at fault itself."""

_SMALLEST, _LARGEST = 16, 256
"""Episodes in a shard: the end of one leaves lanes idle, and a long one leaves the other workers idle."""


class Processes:
    """Flies on `workers` processes, which it starts and ends.

    They do not inherit this one's memory (no fork) and do not import its script again, so it may be
    used anywhere, notebooks and tests included.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    @property
    def description(self) -> str:
        return f"{self._workers} processes"

    def shards(self, episodes: int, lanes: int) -> Sequence[range]:
        even = -(-episodes // (8 * self._workers))
        return cut(episodes, min(_LARGEST, max(_SMALLEST, even)))

    def fly(self, job: Job, shards: Sequence[range]) -> Iterator[list[Episode]]:
        with ExitStack() as stack:
            crew = _Crew(job, min(self._workers, len(shards)))
            stack.callback(crew.close)
            crew.open()
            pool = ThreadPoolExecutor(crew.size, thread_name_prefix="lander-worker")
            stack.callback(pool.shutdown, cancel_futures=True)
            stack.callback(crew.stop)  # First of the three, so that no thread waits for a worker.
            pending: deque[Future[list[Episode]]] = deque()
            waiting = deque(shards)
            while waiting or pending:
                # No further ahead, so that a slow shard does not leave a heap of finished ones.
                while waiting and len(pending) < 4 * crew.size:
                    pending.append(pool.submit(crew.fly, waiting.popleft()))
                yield pending.popleft().result()


class _Crew:
    """The workers, and who of them is free."""

    def __init__(self, job: Job, size: int) -> None:
        self.size = size
        self._arguments = (job, envs.registered(job.env.id))
        self._free: queue.SimpleQueue[Remote] = queue.SimpleQueue()
        self._workers: set[Remote] = set()
        self._stopped = False

    def open(self) -> None:
        """Start all workers, at the same time."""
        started = [self._start() for _ in range(self.size)]
        for worker in started:
            worker.receive()
            self._free.put(worker)

    def fly(self, shard: range) -> list[Episode]:
        """Have a free worker fly `shard`, and another one where it dies of it."""
        for attempt in range(1, _ATTEMPTS + 1):
            worker = self._free.get()
            try:
                worker.send("fly", shard)
                return worker.receive()
            except WorkerDied:
                if self._stopped or attempt == _ATTEMPTS:
                    raise
                worker = self._replace(worker)
            finally:
                self._free.put(worker)
        raise AssertionError("the last attempt returns or raises")

    def stop(self) -> None:
        """End what the workers are doing; whoever waits for one hears that it died."""
        self._stopped = True
        for worker in list(self._workers):
            worker.kill()

    def close(self) -> None:
        for worker in self._workers:
            worker.close()

    def _start(self) -> Remote:
        worker = Remote(JobRunner, *self._arguments)
        self._workers.add(worker)
        return worker

    def _replace(self, dead: Remote) -> Remote:
        self._workers.discard(dead)
        dead.close()
        worker = self._start()
        worker.receive()
        return worker
