"""The engine for one machine: worker processes that know nothing of each other."""

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice

from lander_runtime import envs
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

    def shards(self, episodes: int, lanes: int) -> Iterator[range]:
        """Large ones first, then ever smaller, so that all workers finish at about the same time."""
        start = 0
        while start < episodes:
            share = (episodes - start) // (4 * self._workers)
            stop = min(start + min(_LARGEST, max(_SMALLEST, share)), episodes)
            yield range(start, stop)
            start = stop

    def fly(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        with ExitStack() as stack:
            # Of them only those start that there is a shard for.
            crew = _Crew(job, self._workers)
            stack.callback(crew.close)
            pool = ThreadPoolExecutor(crew.size, thread_name_prefix="lander-worker")
            stack.callback(pool.shutdown, cancel_futures=True)
            pending: deque[Future[list[Episode]]] = deque()
            waiting = iter(shards)
            try:
                while True:
                    # No further ahead, so that a slow shard does not leave a heap of finished ones.
                    for shard in islice(waiting, 4 * crew.size - len(pending)):
                        pending.append(pool.submit(crew.fly, shard))
                    if not pending:
                        return
                    yield pending.popleft().result()
            except BaseException:  # Ctrl-C, and the end of an iterator that nobody reads further.
                crew.stop()
                raise


class _Crew:
    """As many seats as workers. A seat is empty until there is work for it, and after a worker's death."""

    def __init__(self, job: Job, size: int) -> None:
        envs.check_importable(job.env)
        self.size = size
        self._arguments = (job, envs.registered(job.env.id))
        self._seats: queue.SimpleQueue[Remote | None] = queue.SimpleQueue()
        for _ in range(size):
            self._seats.put(None)
        self._lock = threading.Lock()
        """Over the next two: the threads that fly shards and the one that ends it all share them."""
        self._workers: set[Remote] = set()
        self._stopped = False

    def fly(self, shard: range) -> list[Episode]:
        """Have a worker fly `shard`, and another one where it dies of it; for `size` threads at most."""
        for attempt in range(1, _ATTEMPTS + 1):
            worker = self._seats.get()
            try:
                worker = worker or self._start()
                worker.send("fly", shard)
                return worker.receive()
            except WorkerDied as death:
                if worker is not None:
                    self._dismiss(worker)
                    worker = None
                if self._stopped:
                    raise
                if attempt == _ATTEMPTS:
                    raise WorkerDied(
                        f"Episodes {shard.start} to {shard.stop - 1} ended {_ATTEMPTS} worker processes one "
                        f"after the other. {death} Most often memory is short: use fewer workers, or one, "
                        "which flies in this process and shows what else it is."
                    ) from death
            finally:
                self._seats.put(worker)
        raise AssertionError("the last attempt returns or raises")

    def stop(self) -> None:
        """End what the workers are doing; whoever waits for one hears that it died."""
        with self._lock:
            self._stopped = True
            for worker in self._workers:
                worker.kill()

    def close(self) -> None:
        """Let every worker close its environments and leave."""
        for worker in self._workers:
            worker.send("close")
            worker.hang_up()
        # Only now, so that they leave at the same time.
        for worker in self._workers:
            worker.close()

    def _start(self) -> Remote:
        worker = Remote(JobRunner, *self._arguments)
        with self._lock:
            self._workers.add(worker)
            if self._stopped:  # Meanwhile, hence too late for `stop` to see this one.
                worker.kill()
        worker.receive()
        return worker

    def _dismiss(self, dead: Remote) -> None:
        with self._lock:
            self._workers.discard(dead)
        dead.close()
