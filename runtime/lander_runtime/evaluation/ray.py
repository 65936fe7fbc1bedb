"""The engine for many machines: stateless tasks of Ray Core, flown again where a machine is lost.

Only what Ray's core promises is used: a function, its argument put once, and retries.
"""

import contextlib
import logging
import os
import queue
import shutil
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from lander_runtime import envs
from lander_runtime.episodes.episode import Episode
from lander_runtime.errors import LanderError, MachineLacks, UsageError
from lander_runtime.evaluation.job import Job, JobRunner
from lander_runtime.evaluation.processes import ProcessEngine
from lander_runtime.text import counted
from lander_runtime.versions import evaluation_packages, installed_versions
from lander_runtime.workers.cores import available_cores
from lander_runtime.workers.remote import WorkerDied

try:
    import ray
    import ray.exceptions
except ModuleNotFoundError as error:
    raise MachineLacks("Ray is not installed. Type: pip install 'lander-rl[ray]'") from error

_RETRIES = 4
"""More than worker processes get here: on a cluster, machines go for reasons of their own."""

_AHEAD = 4
"""Shards under way for each CPU. They wait where they will be flown, so no CPU waits for this process; no
more of them, so that a slow one does not leave a heap of finished ones."""

_PATIENCE_S = 10.0
"""For a cluster's machine to answer; left to itself, Ray tries for minutes and logs all the while."""

_OBJECT_STORE = 200 * 2**20
"""Bytes of shared memory: results take kilobytes a shard, and Ray's own choice is a third of the machine."""


class Ray:
    """Flies on a Ray cluster: an existing one, or one of this machine's cores that ends with it.

        with Ray() as engine:
            report = evaluate(policy, episodes=10_000, engine=engine)

    Where the program has called `ray.init` itself, that cluster is used and left as it is.
    """

    def __init__(self, address: str | None = None, *, cpus: int | None = None) -> None:
        """Connect, or start.

        Args:
            address: of an existing cluster, such as `auto` or `10.0.0.1:6379`. All its machines need the
                same versions of lander and of what it rests on.
            cpus: how many tasks to fly at once where a cluster is started here; by default all cores.

        Raises:
            MachineLacks: no cluster answers at `address`, or none can be started here.
            UsageError: both were given.
        """
        if address is not None and cpus is not None:
            raise UsageError("A cluster that exists has the CPUs that it has; leave out how many to use.")
        self.on_finished: Callable[[int], None] = lambda episodes: None
        """Told how many episodes have been flown as soon as they have, in whatever order shards finish."""
        self._ours = not ray.is_initialized()
        self._folder: Path | None = None
        if self._ours:
            if address is None:
                # Under a short path: the sockets in it may have no more than 107 characters.
                self._folder = Path(tempfile.mkdtemp(prefix="lander-ray-"))
            try:
                _connect(address, cpus, self._folder)
            except BaseException:
                self.close()
                raise
        self._task = ray.remote(max_retries=_RETRIES)(run_shard)

    @property
    def description(self) -> str:
        return f"ray, {counted(self._cpus(), 'CPU')}"

    def shards(self, episodes: int, lanes: int) -> Iterator[range]:
        return ProcessEngine(self._cpus()).shards(episodes, lanes)

    def run(self, job: Job, shards: Iterable[range]) -> Iterator[list[Episode]]:
        try:
            shared = ray.put(
                (job, envs.registered(job.env.id), installed_versions(*evaluation_packages(job.env.id)))
            )
        except (TypeError, AttributeError, ValueError) as error:
            raise UsageError(
                f"Cannot be sent to a cluster ({_first_line(error)}). Use one process."
            ) from error
        waiting, pending = iter(shards), deque[tuple[Any, Future[Any]]]()
        flying: dict[Future[Any], int] = {}
        # Waited for in Python: inside ray.wait a signal handler's SystemExit becomes one with exit code 1.
        landed: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        try:
            while True:
                # Worker anew each time, because clusters grow when there is work, or shrink.
                for shard in islice(waiting, max(0, _AHEAD * self._cpus() - len(pending))):
                    # In a list, because Ray unpacks a bare reference anew for every task.
                    task = self._task.remote([shared], shard)
                    future = task.future()
                    pending.append((task, future))
                    flying[future] = len(shard)
                    future.add_done_callback(landed.put)
                if not pending:
                    return
                while pending[0][1] in flying:
                    self.on_finished(flying.pop(landed.get()))
                yield _result(pending.popleft()[1])
        finally:
            for task, _ in pending:
                ray.cancel(task, force=True)

    def close(self) -> None:
        """Leave the cluster, and end it where it was started here."""
        if self._ours:
            ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Ray":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _cpus(self) -> int:
        return max(1, int(ray.cluster_resources().get("CPU", 1)))


def run_shard(shared: Sequence[Any], shard: range) -> list[Episode] | Exception:
    """A task: the episodes of one shard, or what went wrong, as a value so that Ray does not wrap it."""
    try:
        return _runner(shared[0]).run(shard)
    except LanderError as error:
        found: Exception = error
    except Exception:
        found = RuntimeError("Something failed in a task on the cluster.\n" + traceback.format_exc())
    _runner.cache_clear()  # Its environments may have stopped anywhere.
    return found


@lru_cache(maxsize=1)
def _runner(reference: Any) -> JobRunner:
    """The job with its environments open, kept between tasks; no result depends on who flew before."""
    try:
        job, registered, versions = ray.get(reference)
    except (ImportError, AttributeError, ray.exceptions.RaySystemError) as error:
        # What was to be unpickled lives where only the caller can import it, such as its script.
        raise UsageError(f"A task cannot import what it should run ({_last_line(error)}).") from error
    packages = evaluation_packages(job.env.id)
    here = installed_versions(*packages)
    for name in packages:
        if here.get(name) != versions.get(name):
            raise MachineLacks(
                f"A machine of the cluster has {name} {here.get(name)} where {versions.get(name)} is wanted, "
                "and results may depend on it. Install the same versions on all machines."
            )
    return JobRunner(job, registered)


def _result(future: Future[Any]) -> list[Episode]:
    try:
        found = future.result()
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise WorkerDied(
            f"A shard has taken {_RETRIES + 1} workers down ({type(error).__name__}: {_first_line(error)}) "
            "and was given up."
        ) from error
    except ray.exceptions.RayError as error:
        raise MachineLacks(
            f"The cluster cannot run a task ({_last_line(error)}). All its machines need the lander-rl "
            "that this one has."
        ) from error
    if isinstance(found, Exception):
        raise found
    return found


def _connect(address: str | None, cpus: int | None, folder: Path | None) -> None:
    started_here: dict[str, Any] = {
        "num_cpus": cpus or available_cores(),
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
        "_temp_dir": str(folder),
    }
    try:
        if address is not None:
            _knock(address)
        with _as_before(), _environment(RAY_USAGE_STATS_ENABLED="0"):
            ray.init(
                # Otherwise Ray takes any cluster that it finds.
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": {"PYTHONPATH": _own_path()}},
                **({} if address else started_here),
            )
    except (ValueError, RuntimeError, OSError, ray.exceptions.RayError) as error:
        where = f"No Ray cluster answers at {address}" if address else "Ray cannot start a cluster here"
        raise MachineLacks(f"{where} ({_first_line(error)}). Without Ray: --shard i/n.") from error


def _knock(address: str) -> None:
    """Whether anybody listens where a machine and a port are named, with a scheme in front or without."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()


def _own_path() -> str:
    """Where Python looks for modules beyond what is installed, such as a checkout, for the tasks too.

    Not for all of them: on another machine, what is installed under the same path may be something else.
    """
    installed = tuple({sys.prefix, sys.base_prefix})
    paths = [path or str(Path.cwd()) for path in sys.path]
    return os.pathsep.join(path for path in paths if not path.startswith(installed))


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Ray takes SIGTERM for itself; the program's own way of ending comes back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _last_line(error: BaseException) -> str:
    """What a traceback inside a message ends with."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
