"""An object in a process of its own, spoken to over its pipes: `python -m lander_runtime.workers.remote`.

A subprocess and not `multiprocessing`: forking a process whose libraries run threads is unsafe, and spawning
imports the caller's script a second time. What travels is a few hundred kilobytes at most, so a pipe costs
no more than shared memory would. Both sides are ours, so it is pickled. This file must not load PyTorch.
"""

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from lander_runtime.errors import LanderError, MachineLacks, UsageError

if sys.platform == "linux":
    import fcntl

_PIPE_BYTES, _MOST_PIPE_BYTES = 1 << 16, 1 << 20
"""What a pipe of Linux holds, and the most that anybody may ask for."""


class WorkerDied(MachineLacks):
    """A worker process ended by itself: killed for its memory, or by a fault in compiled code."""


class Worker(Protocol):
    """An object whose methods are asked for first and answered later, so that several work at once."""

    def send(self, request: str, *arguments: Any) -> None:
        """Ask for a method; `receive` gives what it returned."""
        ...

    def receive(self) -> Any:
        """The oldest answer that was not fetched yet."""
        ...

    def close(self) -> None:
        """Let the object go."""
        ...


class LocalWorker:
    """The object in this process: asked, it answers at once."""

    def __init__(self, target: object) -> None:
        self._target = target
        self._answers: list[Any] = []

    def send(self, request: str, *arguments: Any) -> None:
        self._answers.append(getattr(self._target, request)(*arguments))

    def receive(self) -> Any:
        return self._answers.pop(0)

    def close(self) -> None:
        pass


class RemoteWorker:
    """The object in a process of its own."""

    def __init__(self, factory: Callable[..., object], *arguments: Any) -> None:
        """Start a process that makes `factory(*arguments)`, a function or class at the top of its module.

        The first `receive` answers None once the object is there.

        Raises:
            UsageError: an argument cannot be sent to another process.
        """
        self._process = subprocess.Popen(
            # -P and the parent's own path: what lies in the current folder must not be imported here only.
            [sys.executable, "-P", "-m", "lander_runtime.workers.remote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C and what `timeout` sends reach a whole group; only the trainer decides what they mean.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )
        # By name: where its module is missing, that is an answer too.
        try:
            self.send("open", factory.__module__, factory.__qualname__, *arguments)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self.close()
            raise UsageError(f"Cannot be sent to a worker process ({error}). Use one process.") from error
        except BaseException:
            self.close()
            raise

    def send(self, request: str, *arguments: Any) -> None:
        assert self._process.stdin is not None
        message = pickle.dumps((request, arguments), pickle.HIGHEST_PROTOCOL)
        # Where the worker is gone, `receive` finds out and says so.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(message)
            self._process.stdin.flush()

    def expect(self, size: int) -> None:
        """Let answers of `size` bytes in at once: both sides else wake each other for every 64 kB of them.

        Only where the system can, and up to 1 MB: a user's pipes may hold 64 MB together, by default.
        """
        if sys.platform == "linux" and size > _PIPE_BYTES:
            assert self._process.stdout is not None
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, min(size, _MOST_PIPE_BYTES))

    def receive(self) -> Any:
        """The oldest answer that was not fetched yet; what went wrong there is raised here."""
        assert self._process.stdout is not None
        try:
            answer = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise WorkerDied(f"A worker process ended by itself (status {self._process.wait()}).") from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def kill(self) -> None:
        """Let the object go at once, whatever it is doing; who waits in `receive` hears `WorkerDied`."""
        self._process.kill()

    def hang_up(self) -> None:
        """Close the pipes, upon which the process leaves by itself; `close` waits for that."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def close(self) -> None:
        self.hang_up()
        # Its input has ended, so it leaves by itself; not within a second only if what it runs hangs.
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _serve() -> None:
    """Answer requests until the other side closes the pipe, also by dying."""
    # A service manager ends every process at once; the trainer still has an update to finish.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Whatever an environment prints must not end up between the answers.
    target: object = None
    while True:
        try:
            request, arguments = pickle.load(requests)
        except (EOFError, pickle.UnpicklingError):
            return
        except Exception as error:
            # What was to be unpickled failed there, or lives where only the parent can import it.
            answers.write(pickle.dumps(_refusal(error)))
            return
        try:
            if request == "open":
                module, name, *rest = arguments
                target, answer = getattr(import_module(module), name)(*rest), None
                collect_seldom()
            else:
                answer = getattr(target, request)(*arguments)
        except LanderError as error:
            answer = error
        except Exception:
            answer = RuntimeError("Something failed in a worker process.\n" + traceback.format_exc())
        try:
            message = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        except Exception:
            message = pickle.dumps(
                RuntimeError("An answer cannot leave a worker process.\n" + traceback.format_exc())
            )
        try:
            answers.write(message)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)  # Nobody listens any more, also not to what leaving in order would say.


def collect_seldom() -> None:
    """Freeze existing objects (gc.freeze) and search for cyclic garbage a tenth as often.

    The search takes a tenth of the time of a process that only steps environments (LunarLander, one core),
    because stepping makes thousands of short-lived objects. An environment's worlds may wait for it: some
    10 MB of them. For processes of our own, not for an application that calls us.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _refusal(error: Exception) -> Exception:
    if isinstance(error, LanderError):  # A policy file opens itself when it is unpickled.
        return error
    if isinstance(error, ImportError | AttributeError):
        return UsageError(
            f"A worker process cannot import what it should run ({error}). Move it to a module of its own, "
            "or use one process."
        )
    return RuntimeError("Something failed in a worker process.\n" + traceback.format_exc())


if __name__ == "__main__":
    _serve()
