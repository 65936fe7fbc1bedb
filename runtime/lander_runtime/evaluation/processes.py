"""The engine for one machine: worker processes that know nothing of each other."""

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from itertools import islice

from lander_runtime import envs
from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.job import Job, JobRunner
from lander_runtime.workers.remote import RemoteWorker, WorkerDied

_ATTEMPTS = 3
"""A shard that has taken so many workers down is at fault itself."""

_SMALLEST, _LARGEST = 16, 256
"""Episodes in a shard: the end of one leaves lanes idle, and a long one leaves the other workers idle."""


class ProcessEngine:
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

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        crew = _WorkerPool(job, self._workers)
        waiting, flown = enumerate(shards), dict[int, list[Episode] | Exception]()
        asked = given = 0
        try:
            while True:
                # No further ahead, so that a slow shard does not leave a heap of finished ones.
                for number, shard in islice(waiting, 4 * self._workers - (asked - given)):
                    crew.orders.put((number, shard))
                    asked += 1
                if asked == given:
                    return
                while given not in flown:
                    number, answer = crew.answers.get()
                    flown[number] = answer
                answer = flown.pop(given)
                if isinstance(answer, Exception):
                    raise answer
                yield answer
                given += 1
        except BaseException:  # Ctrl-C, and the end of an iterator that nobody reads further.
            crew.stop()
            raise
        finally:
            crew.close()


class _WorkerPool:
    """As many workers as wanted, and a thread that waits for each.

    Of all that threads share, this process's main one touches only `SimpleQueue`: Ctrl-C in the middle of
    a `concurrent.futures` call can leave a lock locked for ever, and the threads waiting for it.
    """

    def __init__(self, job: Job, size: int) -> None:
        envs.check_importable(job.env)
        self.orders: queue.SimpleQueue[tuple[int, range] | None] = queue.SimpleQueue()
        """Shards by number. None sends a thread home."""
        self.answers: queue.SimpleQueue[tuple[int, list[Episode] | Exception]] = queue.SimpleQueue()
        """What became of each order, in any order."""
        registered = envs.registered(job.env.id)
        self._slots = [_WorkerSlot(job, registered) for _ in range(size)]
        self._threads = [
            threading.Thread(target=self._obey, args=[slot], name="lander-worker", daemon=True)
            for slot in self._slots
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what the workers are doing, and forget what they were still to do."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.orders.get_nowait()
        for slot in self._slots:
            slot.stop()

    def close(self) -> None:
        """Let every worker close its environments and leave, once all orders are answered or forgotten."""
        for _ in self._threads:
            self.orders.put(None)
        for thread in self._threads:
            thread.join()
        # All of them first, so that they leave at the same time.
        for slot in self._slots:
            slot.say_goodbye()
        for slot in self._slots:
            slot.close()

    def _obey(self, slot: "_WorkerSlot") -> None:
        while (order := self.orders.get()) is not None:
            number, shard = order
            try:
                self.answers.put((number, slot.run(shard)))
            except Exception as error:
                self.answers.put((number, error))


class _WorkerSlot:
    """A worker process, started for the first shard that there is for it and replaced where it dies."""

    def __init__(self, *arguments: object) -> None:
        self._arguments = arguments
        self._worker: RemoteWorker | None = None
        self._stopped = False
        self._lock = threading.Lock()
        """Over the last two, which `stop` shares with the thread that flies."""

    def run(self, shard: range) -> list[Episode]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                worker = self._worker or self._start()
                worker.send("run", shard)
                return worker.receive()
            except WorkerDied as death:
                self.close()
                if self._stopped:
                    raise
                if attempt == _ATTEMPTS:
                    raise WorkerDied(
                        f"Episodes {shard.start} to {shard.stop - 1} ended {_ATTEMPTS} worker processes one "
                        f"after the other. {death} Most often memory is short: use fewer workers, or one, "
                        "which flies in this process and shows what else it is."
                    ) from death
        raise AssertionError("the last attempt returns or raises")

    def stop(self) -> None:
        """From another thread: the worker dies at once, and so does any that was about to start."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.kill()

    def say_goodbye(self) -> None:
        """Have the worker close its environments; `close` waits for that."""
        if self._worker is not None:
            self._worker.send("close")
            self._worker.hang_up()

    def close(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def _start(self) -> RemoteWorker:
        worker = RemoteWorker(JobRunner, *self._arguments)
        with self._lock:
            self._worker = worker
            if self._stopped:  # Meanwhile, hence too late for `stop` to see this one.
                worker.kill()
        worker.receive()
        return worker
