"""An object in a process of its own, called over pipes: `python -m lander_runtime.workers.remote`.

A subprocess and not `multiprocessing`: forking a process whose libraries run threads is unsafe, and spawning
imports the caller's script a second time. A message has a few hundred kilobytes at most, so a pipe costs no
more than shared memory. Messages are pickled, because both sides are ours. This file must not load PyTorch.
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
"""The default size of a pipe on Linux, and the largest that an ordinary user may set."""


class WorkerDied(MachineLacks):
    """A worker process ended unexpectedly: killed for its memory, or crashed in compiled code."""


class Worker(Protocol):
    """Asynchronous calls of an object's methods: send now, receive later, so that several run at once."""

    def send(self, request: str, *arguments: Any) -> None:
        """Call the method `request`; `receive` returns its result."""
        ...

    def receive(self) -> Any:
        """The result of the oldest call that was not received yet."""
        ...

    def close(self) -> None:
        """End the worker."""
        ...


class LocalWorker:
    """A `Worker` in this process: `send` runs the method at once."""

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
    """A `Worker` whose object is in a process of its own."""

    def __init__(self, factory: Callable[..., object], *arguments: Any) -> None:
        """Start a process and call `factory(*arguments)` there.

        The first `receive` returns None as soon as the object exists.

        Args:
            factory: a function or class at the top level of its module.
            arguments: anything that can be pickled.

        Raises:
            UsageError: an argument cannot be pickled.
        """
        self._process = subprocess.Popen(
            # -P and the parent's path: the worker must import the same modules as the parent, and none from
            # the current folder unless the parent does.
            [sys.executable, "-P", "-m", "lander_runtime.workers.remote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C and the signal of `timeout` reach a whole process group; only the parent handles them.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )
        # By name, so that a missing module is reported by the worker as an ordinary error.
        try:
            self.send("open", factory.__module__, factory.__qualname__, *arguments)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self.close()
            raise UsageError(
                f"The policy or environment cannot be sent to a worker process ({error}). Use one process."
            ) from error
        except BaseException:
            self.close()
            raise

    def send(self, request: str, *arguments: Any) -> None:
        assert self._process.stdin is not None
        message = pickle.dumps((request, arguments), pickle.HIGHEST_PROTOCOL)
        # If the worker has ended, `receive` raises.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(message)
            self._process.stdin.flush()

    def expect(self, size: int) -> None:
        """Enlarge the pipe for results of `size` bytes; otherwise both sides wake up for every 64 kB.

        Only on Linux, and up to 1 MB: by default all pipes of a user may have 64 MB together.
        """
        if sys.platform == "linux" and size > _PIPE_BYTES:
            assert self._process.stdout is not None
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, min(size, _MOST_PIPE_BYTES))

    def receive(self) -> Any:
        """The result of the oldest call that was not received yet; an error of the worker is raised here.

        Raises:
            WorkerDied: the process has ended.
        """
        assert self._process.stdout is not None
        try:
            answer = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise WorkerDied(
                f"A worker process ended unexpectedly (status {self._process.wait()})."
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def interrupt(self) -> None:
        """Send SIGINT, which only a method that waits for it notices. Without effect on Windows."""
        if sys.platform != "win32":
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill the process at once; a thread that waits in `receive` gets `WorkerDied`."""
        self._process.kill()

    def hang_up(self) -> None:
        """Close the pipes, so that the process ends by itself; `close` waits for that."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def close(self) -> None:
        self.hang_up()
        # Its input has ended, so it ends by itself, within a second unless its code hangs.
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _serve() -> None:
    """Answer requests until the parent closes the pipe or dies."""
    # A service manager sends SIGTERM to all processes at once, but the trainer must finish its update.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Text that an environment prints must not mix with the answers.
    target: object = None
    while True:
        try:
            request, arguments = pickle.load(requests)
        except (EOFError, pickle.UnpicklingError):
            return
        except Exception as error:
            # Unpickling failed, often because only the parent can import a module.
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
            if error.__cause__ is not None:
                # For --debug: a traceback does not leave its process.
                error.add_note(f"In a worker process:\n{traceback.format_exc()}")
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
            os._exit(0)  # The parent has gone; an orderly exit would only print errors.


def collect_seldom() -> None:
    """Freeze existing objects (gc.freeze) and search for cyclic garbage a tenth as often.

    The search takes a tenth of the time of a process that only steps environments (LunarLander, one core),
    because stepping makes thousands of short-lived objects. The cost is some 10 MB of garbage (Box2D worlds)
    that waits longer. For our own processes only, not for an application that calls us.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _refusal(error: Exception) -> Exception:
    if isinstance(error, LanderError):  # Unpickling a policy file opens it, which can raise one of ours.
        return error
    if isinstance(error, ImportError | AttributeError):
        return UsageError(
            f"A worker process cannot import the policy or environment ({error}). Move it to a module of its "
            "own, or use one process."
        )
    return RuntimeError("Something failed in a worker process.\n" + traceback.format_exc())


if __name__ == "__main__":
    _serve()
