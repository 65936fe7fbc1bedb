"""Workers that train beside each other, and the loop that keeps them busy."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from lander_rl.several.trainee import Event, Status, Task, Trainee
from lander_runtime.errors import UsageError
from lander_runtime.text import counted
from lander_runtime.workers.cores import available_cores, check_workers
from lander_runtime.workers.remote import LocalWorker, RemoteWorker, Worker, WorkerDied

_WAIT = 0.25
"""Seconds that a worker may take to answer; so long a signal waits."""

Jobs = int | Literal["auto"]


class Crew:
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

    def worker(self, place: int) -> Worker:
        """The worker at a place from 0 to `size` - 1."""
        if place not in self._workers:
            self._workers[place] = self._start()
            if isinstance(self._workers[place], RemoteWorker):
                self._workers[place].receive()
        return self._workers[place]

    def dismiss(self, place: int) -> None:
        """Close the worker at `place`; the next task there gets a new one."""
        self._workers.pop(place).close()

    def close(self) -> None:
        for place in list(self._workers):
            self.dismiss(place)


class Director(Protocol):
    """Decides what is trained."""

    def next_task(self, place: int) -> Task | None:
        """What the worker at `place` is to train now; None leaves it without work."""
        ...

    def on_status(self, place: int, status: Status) -> None:
        """How far the training at `place` is."""
        ...

    def on_event(self, place: int, event: Event) -> bool:
        """Something happened at `place`; True where the training has ended."""
        ...

    def on_died(self, place: int, error: WorkerDied) -> None:
        """The worker at `place` has ended unexpectedly, and its training with it."""
        ...

    def stops(self, place: int) -> bool:
        """Whether the training at `place` is to be saved and stopped."""
        ...

    def rest(self) -> None:
        """Called a few times a second."""
        ...


def direct(crew: Crew, director: Director, stop: Callable[[], bool]) -> None:
    """Train what `director` hands out until that is all done.

    Args:
        crew: the workers.
        director: what is to be trained; it is told how it goes.
        stop: True stops all trainings and hands out no more.
    """
    busy: set[int] = set()
    while True:
        for place in range(crew.size):
            task = None if place in busy or stop() else director.next_task(place)
            if task is not None:
                worker = crew.worker(place)
                worker.send("begin", task)
                worker.receive()
                busy.add(place)
        if not busy:
            return
        for place in sorted(busy):
            crew.worker(place).send("tell", _WAIT, stop() or director.stops(place))
        for place in sorted(busy):
            if _has_ended(crew, director, place):
                busy.remove(place)
        director.rest()


def _has_ended(crew: Crew, director: Director, place: int) -> bool:
    try:
        status, events = crew.worker(place).receive()
    except WorkerDied as error:
        crew.dismiss(place)
        director.on_died(place, error)
        return True
    director.on_status(place, status)
    # All of them, whatever the first says.
    ended = [director.on_event(place, event) for event in events]
    return any(ended)


def check_crew(engine: str, address: str | None, jobs: Jobs) -> None:
    """Refuse what cannot be, before anything is started; raises `UsageError`."""
    if engine not in ("processes", "ray"):
        raise UsageError(f"--engine {engine!r} is not known; choose processes or ray.")
    if address is not None and engine != "ray":
        raise UsageError("--ray-address is for --engine ray. Add that, or leave the address out.")
    if jobs == "auto":
        return
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"--jobs should be a whole number from 1 on or 'auto', found {jobs!r}.")
    if engine == "processes":
        check_workers(jobs)


@contextmanager
def open_crew(
    engine: str, address: str | None, jobs: Jobs, most: int, say: Callable[[str], None]
) -> Iterator[Crew]:
    """Workers for `jobs` trainings at a time, of which there are `most` in all.

    Args:
        engine: `processes` of this machine, or `ray`.
        address: of a Ray cluster that exists; None starts one here.
        jobs: `auto` is one for each core, or each CPU of the cluster.
        most: more workers than this are of no use.
        say: prints a line for the user.

    Raises:
        MachineLacks: Ray is not installed, or no cluster answers.
    """
    if engine == "ray":
        from lander_runtime.workers.ray_cluster import RayCluster, RayWorker

        say(f"Connecting to Ray at {address}" if address else "Starting Ray on this machine")
        started = None if address is not None or jobs == "auto" else jobs
        with RayCluster(address, cpus=started, without="Without Ray: leave out --engine.") as cluster:
            size = min(cluster.cpus, most, cluster.cpus if jobs == "auto" else jobs)
            say(f"Training on ray, {counted(cluster.cpus, 'CPU')}, {size} at a time")
            with contextlib.closing(Crew(lambda: RayWorker(Trainee), size, remote=True)) as crew:
                yield crew
        return
    size = min(most, available_cores() if jobs == "auto" else jobs)
    if size == 1:
        # Nothing to share the cores with: as `lander train` alone.
        yield Crew(lambda: LocalWorker(Trainee()), 1)
        return
    with one_thread_each(), contextlib.closing(Crew(lambda: RemoteWorker(Trainee), size)) as crew:
        yield crew


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes started inside this block compute with one thread, so that several share the cores fairly.

    Set as an environment variable, because the libraries read it only when a process imports them.
    """
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
