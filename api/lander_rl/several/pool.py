"""Workers that train beside each other, and the loop that keeps them busy."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from lander_rl.several.training_worker import Event, Status, Task, TrainingWorker
from lander_runtime.errors import UsageError
from lander_runtime.evaluation.choosing import check_engine
from lander_runtime.text import counted
from lander_runtime.workers.cores import available_cores, check_workers
from lander_runtime.workers.environment_variables import environment_variables
from lander_runtime.workers.remote import LocalWorker, RemoteWorker, Worker, WorkerDied

_WAIT = 0.25
"""Seconds that a worker may take to answer; so long a signal waits."""

Jobs = int | Literal["auto"]


@dataclass(frozen=True, kw_only=True)
class PoolRequest:
    """Where several trainings run, and how many at a time.

    Raises:
        UsageError: an unknown engine, a number out of range, or an address without a cluster.
    """

    jobs: Jobs = "auto"
    """Trainings at a time; `auto` is one for each core, or each CPU of the cluster."""

    engine: Literal["processes", "ray"] = "processes"
    """Where they run: in processes of this machine, or on a Ray cluster."""

    ray_address: str | None = None
    """Address of an existing cluster, such as `auto`; None starts one on this machine."""

    def __post_init__(self) -> None:
        # `auto`, because of an existing cluster fewer CPUs than it has may be taken here.
        check_engine(self.engine, self.ray_address, "auto")
        jobs = self.jobs
        if jobs == "auto":
            return
        if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
            raise UsageError(f"--jobs should be a whole number from 1 on or 'auto', found {jobs!r}.")
        if self.engine == "processes":
            check_workers(jobs)


class WorkerPool:
    """A number of workers of one kind; each is started when it is needed."""

    def __init__(self, start: Callable[[], Worker], size: int, *, remote: bool = False) -> None:
        self.size = size
        self.remote = remote
        """Whether the workers may be on other machines, with other disks."""
        self._start = start
        self._workers: dict[int, Worker] = {}

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of every training: where several share the cores, more processes would only compete."""
        return {"workers": 1, "critic_process": "no"} if self.size > 1 else {}

    def worker(self, slot: int) -> Worker:
        """The worker in a slot from 0 to `size` - 1."""
        if slot not in self._workers:
            self._workers[slot] = self._start()
            if isinstance(self._workers[slot], RemoteWorker):
                self._workers[slot].receive()
        return self._workers[slot]

    def dismiss(self, slot: int) -> None:
        """Close the worker in `slot`; the next task there gets a new one."""
        self._workers.pop(slot).close()

    def close(self) -> None:
        for slot in list(self._workers):
            self.dismiss(slot)


class Scheduler(Protocol):
    """Decides what is trained."""

    def next_task(self, slot: int) -> Task | None:
        """What the worker in `slot` is to train now; None leaves it without work."""
        ...

    def on_status(self, slot: int, status: Status) -> None:
        """How far the training in `slot` is."""
        ...

    def on_event(self, slot: int, event: Event) -> bool:
        """Something happened in `slot`; True where the training has ended."""
        ...

    def on_died(self, slot: int, error: WorkerDied) -> None:
        """The worker in `slot` has ended unexpectedly, and its training with it."""
        ...

    def stops(self, slot: int) -> bool:
        """Whether the training in `slot` is to be saved and stopped."""
        ...

    def rest(self) -> None:
        """Called a few times a second."""
        ...


def run_trainings(pool: WorkerPool, scheduler: Scheduler, stop: Callable[[], bool]) -> None:
    """Train what `scheduler` hands out until that is all done.

    Args:
        pool: the workers.
        scheduler: what is to be trained; it is told how it goes.
        stop: True stops all trainings and hands out no more.
    """
    busy: set[int] = set()
    while True:
        for slot in range(pool.size):
            task = None if slot in busy or stop() else scheduler.next_task(slot)
            if task is not None:
                worker = pool.worker(slot)
                worker.send("begin", task)
                worker.receive()
                busy.add(slot)
        if not busy:
            return
        for slot in sorted(busy):
            pool.worker(slot).send("tell", _WAIT, stop() or scheduler.stops(slot))
        for slot in sorted(busy):
            if _has_ended(pool, scheduler, slot):
                busy.remove(slot)
        scheduler.rest()


def _has_ended(pool: WorkerPool, scheduler: Scheduler, slot: int) -> bool:
    try:
        status, events = pool.worker(slot).receive()
    except WorkerDied as error:
        pool.dismiss(slot)
        scheduler.on_died(slot, error)
        return True
    scheduler.on_status(slot, status)
    # No `any` around the calls: it would leave out the events after the one that ends the training.
    ended = [scheduler.on_event(slot, event) for event in events]
    return any(ended)


@contextmanager
def open_pool(request: PoolRequest, most: int, say: Callable[[str], None]) -> Iterator[WorkerPool]:
    """The workers that `request` asks for.

    Args:
        request: where, and how many.
        most: more workers than this are of no use.
        say: prints a line for the user.

    Raises:
        MachineLacks: Ray is not installed, or no cluster answers.
    """
    jobs, address = request.jobs, request.ray_address
    if request.engine == "ray":
        from lander_runtime.workers.ray_cluster import RayCluster, RayWorker

        say(f"Connecting to Ray at {address}" if address else "Starting Ray on this machine")
        started = None if address is not None or jobs == "auto" else jobs
        with RayCluster(address, cpus=started, without="Without Ray: leave out --engine.") as cluster:
            size = min(cluster.cpus, most, cluster.cpus if jobs == "auto" else jobs)
            say(f"Training on ray, {counted(cluster.cpus, 'CPU')}, {size} at a time")
            with contextlib.closing(WorkerPool(lambda: RayWorker(TrainingWorker), size, remote=True)) as pool:
                yield pool
        return
    size = min(most, available_cores() if jobs == "auto" else jobs)
    if size == 1:
        # Nothing to share the cores with: as `lander train` alone.
        yield WorkerPool(lambda: LocalWorker(TrainingWorker()), 1)
        return
    with (
        one_thread_each(),
        contextlib.closing(WorkerPool(lambda: RemoteWorker(TrainingWorker), size)) as pool,
    ):
        yield pool


def one_thread_each() -> AbstractContextManager[None]:
    """Processes started inside this block compute with one thread, so that several share the cores fairly.

    Set as an environment variable, because the libraries read it only when a process imports them.
    """
    return environment_variables(OMP_NUM_THREADS="1")
