"""The engine for one machine: independent worker processes."""

import contextlib
import itertools
import queue
import threading
import time
from collections.abc import Iterable, Iterator

from lander_runtime import envs
from lander_runtime.episodes.episode import Episode
from lander_runtime.evaluation.job import Job, JobRunner
from lander_runtime.workers.remote import RemoteWorker, WorkerDied

_ATTEMPTS = 3
"""How often a shard is run if its worker dies; after that, the shard is taken to be the cause."""

_SMALLEST, _LARGEST = 16, 256
"""Episodes in a shard. With short shards lanes are idle more often; with long ones, workers at the end."""


class ProcessEngine:
    """Runs on `workers` processes, which it starts and ends.

    They do not inherit this process's memory (no fork) and do not import its script again, so it can be
    used anywhere, also in notebooks and tests.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    @property
    def description(self) -> str:
        return f"{self._workers} processes"

    def shards(self, episodes: int, lanes: int) -> Iterator[range]:
        """Large shards first, then smaller ones, so that all workers finish at about the same time."""
        start = 0
        while start < episodes:
            share = (episodes - start) // (4 * self._workers)
            stop = min(start + min(_LARGEST, max(_SMALLEST, share)), episodes)
            yield range(start, stop)
            start = stop

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        pool = _WorkerPool(job, self._workers)
        waiting, finished = enumerate(shards), dict[int, list[Episode] | Exception]()
        sizes: dict[int, range] = {}
        sent = returned = 0
        try:
            while True:
                # At most four shards for each worker ahead, so that few finished ones wait for a slow one.
                for number, shard in itertools.islice(waiting, 4 * self._workers - (sent - returned)):
                    pool.tasks.put((number, shard))
                    sizes[number] = shard
                    sent += 1
                if sent == returned:
                    return
                while returned not in finished:
                    number, result = pool.results.get()
                    finished[number] = result
                result = finished.pop(returned)
                if isinstance(result, Exception):
                    raise result
                yield result
                del sizes[returned]
                returned += 1
        except KeyboardInterrupt:
            finished.update(pool.interrupt(sent - returned - len(finished)))
            pool.stop()
            for number in range(returned, sent):
                result = finished.get(number)
                if not isinstance(result, list):
                    break
                yield result
                if len(result) < len(sizes[number]):
                    break
            raise
        except BaseException:  # Also GeneratorExit if the caller stops reading.
            pool.stop()
            raise
        finally:
            pool.close()


class _WorkerPool:
    """Worker processes, and one thread for each that sends it shards and waits for the result.

    The main thread shares only `SimpleQueue` with these threads. Ctrl-C in the middle of a
    `concurrent.futures` call can leave a lock locked for ever, with the threads waiting for it.
    """

    def __init__(self, job: Job, size: int) -> None:
        envs.check_importable(job.env)
        self.tasks: queue.SimpleQueue[tuple[int, range] | None] = queue.SimpleQueue()
        """(number, shard). None ends a thread."""
        self.results: queue.SimpleQueue[tuple[int, list[Episode] | Exception]] = queue.SimpleQueue()
        """(number, episodes or error), in any order."""
        registration = envs.Registration.of(job.env.id)
        self._slots = [_WorkerSlot(job, registration) for _ in range(size)]
        self._threads = [
            threading.Thread(target=self._serve, args=[slot], name="lander-worker", daemon=True)
            for slot in self._slots
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Kill the workers and drop the tasks that wait."""
        self._drop_tasks()
        for slot in self._slots:
            slot.stop()

    def interrupt(self, shards: int) -> dict[int, list[Episode] | Exception]:
        """Let every worker end its shard early; returns what has come within a second, by number.

        Args:
            shards: how many have not come so far.
        """
        waiting = shards - self._drop_tasks()
        for slot in self._slots:
            slot.interrupt()
        found: dict[int, list[Episode] | Exception] = {}
        deadline = time.monotonic() + 1.0
        with contextlib.suppress(queue.Empty):
            while len(found) < waiting:
                number, result = self.results.get(timeout=max(0.0, deadline - time.monotonic()))
                found[number] = result
        return found

    def _drop_tasks(self) -> int:
        """Forget the tasks that no worker has begun; returns how many there were."""
        for dropped in itertools.count():
            try:
                self.tasks.get_nowait()
            except queue.Empty:
                return dropped
        raise AssertionError("the count has no end")

    def close(self) -> None:
        """Close every worker's environments and end it, after all tasks are finished or dropped."""
        for _ in self._threads:
            self.tasks.put(None)
        for thread in self._threads:
            thread.join()
        # First ask all, then wait for each, so that they end at the same time.
        for slot in self._slots:
            slot.ask_to_close()
        for slot in self._slots:
            slot.close()

    def _serve(self, slot: "_WorkerSlot") -> None:
        while (task := self.tasks.get()) is not None:
            number, shard = task
            try:
                self.results.put((number, slot.run(shard)))
            except Exception as error:
                self.results.put((number, error))


class _WorkerSlot:
    """A place for one worker process, which is started for its first shard and replaced if it dies."""

    def __init__(self, *arguments: object) -> None:
        self._arguments = arguments
        self._worker: RemoteWorker | None = None
        self._stopped = False
        self._lock = threading.Lock()
        """Guards `_worker` and `_stopped`, which `stop` shares with the thread that runs the shards."""

    def run(self, shard: range) -> list[Episode]:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                worker = self._worker or self._start()
                worker.send("run_until_interrupted", shard)
                return worker.receive()
            except WorkerDied as death:
                self.close()
                if self._stopped:
                    raise
                if attempt == _ATTEMPTS:
                    raise WorkerDied(
                        f"Episodes {shard.start} to {shard.stop - 1} ended {_ATTEMPTS} worker processes one "
                        f"after the other. {death} The usual cause is too little memory: use fewer workers. "
                        "With one worker the episodes run in this process, which shows any other cause."
                    ) from death
        raise AssertionError("the last attempt returns or raises")

    def interrupt(self) -> None:
        """End the shard that runs with the episodes that it has; called from another thread."""
        with self._lock:
            if self._worker is not None:
                self._worker.interrupt()

    def stop(self) -> None:
        """Kill the worker at once, and any that is about to start; called from another thread."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.kill()

    def ask_to_close(self) -> None:
        """Ask the worker to close its environments; `close` waits for that."""
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
            if self._stopped:  # `stop` ran before this worker was stored, so it could not kill it.
                worker.kill()
        worker.receive()
        return worker
