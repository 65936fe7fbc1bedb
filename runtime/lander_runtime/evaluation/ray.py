"""The engine for many machines: stateless tasks of Ray Core, run again if a machine is lost.

It uses only the basics of Ray's core: a remote function, an argument stored once, and retries.
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
from lander_runtime.text import counted, first_line
from lander_runtime.versions import evaluation_packages, installed_versions
from lander_runtime.workers.cores import available_cores
from lander_runtime.workers.remote import WorkerDied

try:
    import ray
    import ray.exceptions
except ModuleNotFoundError as error:
    raise MachineLacks("Ray is not installed. Type: pip install 'lander-rl[ray]'") from error

_RETRIES = 4
"""More than for worker processes on one machine: machines of a cluster often end for other reasons."""

_AHEAD = 4
"""Shards submitted for each CPU. Some wait on the machine that will run them, so no CPU waits for this
process. There are not more, so that few finished ones wait for a slow one."""

_TIMEOUT_S = 10.0
"""Seconds for a cluster's machine to answer; without it Ray tries for minutes and logs all the time."""

_OBJECT_STORE = 200 * 2**20
"""Bytes of shared memory. Results take kilobytes for each shard; Ray's default is a third of the machine."""


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
        if address is not None and cpus is not None:
            raise UsageError("Expected an address or a number of CPUs, found both; leave out the CPUs.")
        self.on_finished: Callable[[int], None] = lambda episodes: None
        """Called with the number of episodes of each shard that finishes, in any order."""
        self._ours = not ray.is_initialized()
        self._folder: Path | None = None
        if self._ours:
            if address is None:
                # A short path, because the paths of sockets inside may have no more than 107 characters.
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
                (job, envs.Registration.of(job.env.id), installed_versions(*evaluation_packages(job.env.id)))
            )
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
                # CPUs are counted again each time, because a cluster can grow or shrink.
                for shard in islice(waiting, max(0, _AHEAD * self._cpus() - len(pending))):
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
            f"A task on the cluster cannot import the policy or environment ({_last_line(error)}). "
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
            f"The cluster cannot run a task ({_last_line(error)}). Install the lander-rl of this machine "
            "on all its machines."
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
            _check_reachable(address)
        with _signal_handler_restored(), _environment(RAY_USAGE_STATS_ENABLED="0"):
            ray.init(
                # Without an address Ray would join any cluster that it finds.
                address=address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": {"PYTHONPATH": _own_path()}},
                **({} if address else started_here),
            )
    except (ValueError, RuntimeError, OSError, ray.exceptions.RayError) as error:
        where = f"No Ray cluster answers at {address}" if address else "Ray cannot start a cluster here"
        raise MachineLacks(f"{where} ({first_line(error)}). Without Ray: --shard i/n.") from error


def _check_reachable(address: str) -> None:
    """Raise OSError if `address` names a machine and a port where no program listens."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT_S).close()


def _own_path() -> str:
    """Python's search path without installed packages, such as a checkout, to be used by the tasks too.

    Installed packages are left out: another machine may have other ones at the same path.
    """
    installed = tuple({sys.prefix, sys.base_prefix})
    paths = [path or str(Path.cwd()) for path in sys.path]
    return os.pathsep.join(path for path in paths if not path.startswith(installed))


@contextlib.contextmanager
def _signal_handler_restored() -> Iterator[None]:
    """Put the program's own SIGTERM handler back: `ray.init` replaces it."""
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


def _last_line(error: BaseException) -> str:
    """The last line of a message, which for a traceback names the error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
