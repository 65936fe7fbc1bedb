"""A Ray cluster, an existing one or one that is started here; and objects that live on it.

For the evaluation, whose shards are tasks, and for trainings, each of which is an actor's.
"""

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.text import first_line
from lander_runtime.workers.cores import available_cores
from lander_runtime.workers.environment_variables import environment_variables
from lander_runtime.workers.remote import WorkerDied
from lander_runtime.workers.signals import signals_held

try:
    import ray
    import ray.exceptions
except ModuleNotFoundError as error:
    raise MachineLacks("Ray is not installed. Type: pip install 'lander-rl[ray]'") from error

_TIMEOUT_S = 10.0
"""Seconds for a cluster's machine to answer; without it Ray tries for minutes and logs all the time."""

_OBJECT_STORE = 200 * 2**20
"""Bytes of shared memory. Results take kilobytes for each shard; Ray's default is a third of the machine."""


class RayCluster:
    """A connection to a cluster, which is ended at `close` if it was started here.

    If the program has already called `ray.init`, that cluster is used and is not ended.
    """

    def __init__(self, address: str | None = None, *, cpus: int | None = None, without: str = "") -> None:
        """Connect to a cluster, or start one.

        Args:
            address: of an existing cluster, such as `auto` or `10.0.0.1:6379`. All its machines need the
                same versions of lander-rl and its dependencies.
            cpus: how many tasks run at once on a cluster that is started here; by default all cores.
            without: a sentence for an error: what can be done without Ray.

        Raises:
            MachineLacks: no cluster answers at `address`, or none can be started here.
            UsageError: both were given.
        """
        if address is not None and cpus is not None:
            raise UsageError("Expected an address or a number of CPUs, found both; leave out the CPUs.")
        self._ours = not ray.is_initialized()
        self.folder: Path | None = None
        """Of the cluster that was started here."""
        if self._ours:
            if address is None:
                # A short path, because the paths of sockets inside may have no more than 107 characters.
                self.folder = Path(tempfile.mkdtemp(prefix="lander-ray-"))
            try:
                _connect(address, cpus, self.folder, without)
            except BaseException:
                self.close()
                raise

    @property
    def cpus(self) -> int:
        """CPUs of all its machines, at least 1; counted each time, because a cluster can grow or shrink."""
        with signals_held():
            return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def close(self) -> None:
        """Disconnect, and end the cluster if it was started here."""
        if self._ours:
            ray.shutdown()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "RayCluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RayWorker:
    """A `Worker` (`remote.py`) whose object is an actor on the cluster, with a CPU of its own."""

    def __init__(self, kind: type[Any], *arguments: Any) -> None:
        """Make an object of the class `kind`, which all machines of the cluster can import."""
        with signals_held():
            self._actor: Any = ray.remote(num_cpus=1)(kind).remote(*arguments)
        self._waiting: deque[Any] = deque()

    def send(self, request: str, *arguments: Any) -> None:
        with signals_held():
            self._waiting.append(getattr(self._actor, request).remote(*arguments).future())

    def receive(self) -> Any:
        """The result of the oldest call that was not received yet.

        Raises:
            WorkerDied: the actor, or its machine, has ended.
        """
        try:
            # Python's future and not ray.get, in which a signal handler's SystemExit gets the exit code 1.
            return self._waiting.popleft().result()
        except ray.exceptions.RayTaskError as error:
            # With the class of the error that was raised there, where that can be had.
            raise error.as_instanceof_cause() from None
        except ray.exceptions.RayError as error:
            raise WorkerDied(f"A worker on the cluster ended unexpectedly ({last_line(error)}).") from error

    def close(self) -> None:
        with signals_held():
            ray.kill(self._actor)


def _connect(address: str | None, cpus: int | None, folder: Path | None, without: str) -> None:
    started_here: dict[str, Any] = {
        "num_cpus": cpus or available_cores(),
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
        "_temp_dir": str(folder),
    }
    try:
        if address is not None:
            _check_reachable(address)
        with _own_signal_handler(), environment_variables(RAY_USAGE_STATS_ENABLED="0"):
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
        raise MachineLacks(f"{where} ({first_line(error)}). {without}".rstrip()) from error


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
def _own_signal_handler() -> Iterator[None]:
    """Put the program's own handler of SIGTERM back, which `ray.init` replaces; it gets signals inside."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        signal.signal(signal.SIGTERM, before)
        # What Ray's handler raises has the number of the signal as exit code.
        if error.code == signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def last_line(error: BaseException) -> str:
    """The last line of an error of Ray's, which for a traceback names what was raised."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
