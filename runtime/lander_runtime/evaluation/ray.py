"""The engine for many machines: stateless tasks of Ray Core, run again if a machine is lost.

It uses only the basics of Ray's core: a remote function, an argument stored once, and retries.
"""

import queue
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache
from itertools import islice
from types import TracebackType
from typing import Any

from lander_runtime import envs
from lander_runtime.episodes.episode import Episode
from lander_runtime.errors import LanderError, MachineLacks, UsageError
from lander_runtime.evaluation.job import Job, JobRunner
from lander_runtime.evaluation.processes import ProcessEngine
from lander_runtime.text import counted, first_line
from lander_runtime.versions import evaluation_packages, installed_versions
from lander_runtime.workers.ray_cluster import RayCluster, last_line
from lander_runtime.workers.remote import WorkerDied
from lander_runtime.workers.signals import signals_held

# After the module above, which says what to install where there is none.
import ray  # isort: skip
import ray.exceptions  # isort: skip

_RETRIES = 4
"""More than for worker processes on one machine: machines of a cluster often end for other reasons."""

_AHEAD = 4
"""Shards submitted for each CPU. Some wait on the machine that will run them, so no CPU waits for this
process. There are not more, so that few finished ones wait for a slow one."""


class Ray:
    """Runs on a Ray cluster: an existing one, or a local one that is started here and ended at `close`.

        with Ray() as engine:
            report = evaluate(policy, episodes=10_000, engine=engine)

    If the program has already called `ray.init`, that cluster is used and is not ended.
    """

    def __init__(self, address: str | None = None, *, cpus: int | None = None) -> None:
        """Connect to a cluster, or start one.

        Args:
            address: of an existing cluster, such as `auto` or `10.0.0.1:6379`. All its machines need the
                same versions of lander-rl and its dependencies.
            cpus: how many tasks run at once on a cluster that is started here; by default all cores.

        Raises:
            MachineLacks: no cluster answers at `address`, or none can be started here.
            UsageError: both were given.
        """
        self.cluster = RayCluster(address, cpus=cpus, without="Without Ray: --shard i/n.")
        self.on_finished: Callable[[int], None] = lambda episodes: None
        """Called with the number of episodes of each shard that finishes, in any order."""
        self._task = ray.remote(max_retries=_RETRIES)(run_shard)

    @property
    def description(self) -> str:
        return f"ray, {counted(self.cluster.cpus, 'CPU')}"

    def shards(self, episodes: int, lanes: int) -> Iterator[range]:
        return ProcessEngine(self.cluster.cpus).shards(episodes, lanes)

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        versions = installed_versions(*evaluation_packages(job.env.id))
        try:
            with signals_held():
                shared = ray.put((job, envs.Registration.of(job.env.id), versions))
        except (TypeError, AttributeError, ValueError) as error:
            raise UsageError(
                f"The policy cannot be sent to a cluster ({first_line(error)}). Use one process."
            ) from error
        waiting, pending = iter(shards), deque[tuple[Any, Future[Any]]]()
        running: dict[Future[Any], int] = {}
        # A Python queue and not ray.wait, in which a signal handler's SystemExit gets the exit code 1.
        finished: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        try:
            while True:
                with signals_held():
                    # CPUs are counted again each time, because a cluster can grow or shrink.
                    for shard in islice(waiting, max(0, _AHEAD * self.cluster.cpus - len(pending))):
                        # In a list: Ray would fetch and unpickle a bare reference for every task.
                        task = self._task.remote([shared], shard)
                        future = task.future()
                        pending.append((task, future))
                        running[future] = len(shard)
                        future.add_done_callback(finished.put)
                if not pending:
                    return
                while pending[0][1] in running:
                    self.on_finished(running.pop(finished.get()))
                yield _result(pending.popleft()[1])
        finally:
            for task, _ in pending:
                ray.cancel(task, force=True)

    def close(self) -> None:
        """Disconnect, and end the cluster if it was started here."""
        self.cluster.close()

    def __enter__(self) -> "Ray":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def run_shard(shared: Sequence[Any], shard: range) -> list[Episode] | Exception:
    """A task: the episodes of one shard, or the error, returned as a value so that Ray does not wrap it."""
    try:
        return _runner(shared[0]).run(shard)
    except LanderError as error:
        found: Exception = error
    except Exception:
        found = RuntimeError("Something failed in a task on the cluster.\n" + traceback.format_exc())
    _runner.cache_clear()  # After an error its environments may be in any state.
    return found


@lru_cache(maxsize=1)
def _runner(reference: Any) -> JobRunner:
    """The job with its environments open, kept between tasks; no result depends on earlier episodes."""
    try:
        job, registration, versions = ray.get(reference)
    except (ImportError, AttributeError, ray.exceptions.RaySystemError) as error:
        # A class or function is in a module that only the caller can import, such as its script.
        raise UsageError(
            f"A task on the cluster cannot import the policy or environment ({last_line(error)}). "
            "Install its module on all machines, or use one process."
        ) from error
    packages = evaluation_packages(job.env.id)
    here = installed_versions(*packages)
    for name in packages:
        if here.get(name) != versions.get(name):
            raise MachineLacks(
                f"A machine of the cluster has {name} {here.get(name)}, expected {versions.get(name)}; "
                "results may depend on it. Install the same versions on all machines."
            )
    return JobRunner(job, registration)


def _result(future: Future[Any]) -> list[Episode]:
    try:
        found = future.result()
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise WorkerDied(
            f"{_RETRIES + 1} workers ended while they ran the same shard "
            f"({type(error).__name__}: {first_line(error)}). The usual cause is too little memory: "
            "take fewer lanes."
        ) from error
    except ray.exceptions.RayError as error:
        raise MachineLacks(
            f"The cluster cannot run a task ({last_line(error)}). Install the lander-rl of this machine "
            "on all its machines."
        ) from error
    if isinstance(found, Exception):
        raise found
    return found
