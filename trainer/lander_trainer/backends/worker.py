"""Lanes in a process of their own: `python -m lander_trainer.backends.worker`, spoken to over its pipes.

A subprocess and not `multiprocessing`: forking a process whose libraries run threads is unsafe, and spawning
imports the caller's script a second time. An answer is a few kilobytes, so a pipe costs no more than shared
memory would. Both sides are ours, so what travels is pickled.
"""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import traceback
from typing import Any

import gymnasium

from lander_runtime.errors import LanderError
from lander_runtime.spec import EnvSpec
from lander_trainer.backends.lanes import Lanes


class RemoteLanes:
    """`Lanes` elsewhere. Every request is sent first and answered later, so that all work at once."""

    def __init__(self, spec: EnvSpec, seed: int, first: int, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lander_trainer.backends.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C and what `timeout` sends reach a whole group; only the trainer decides what they mean.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.send("open", gymnasium.spec(spec.id), spec, seed, first, count)

    def send(self, request: str, *arguments: Any) -> None:
        """Ask for a method of `Lanes`; `receive` gives what it returned."""
        assert self._process.stdin is not None
        message = pickle.dumps((request, arguments), pickle.HIGHEST_PROTOCOL)
        # Where the worker is gone, `receive` finds out and says so.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(message)
            self._process.stdin.flush()

    def receive(self) -> Any:
        """The oldest answer that was not fetched yet; what went wrong there is raised here."""
        assert self._process.stdout is not None
        try:
            answer = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise RuntimeError(
                f"A worker process ended by itself (status {self._process.wait()})."
            ) from error
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        # Its input has ended, so it leaves by itself; not within a second only if an environment hangs.
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
    lanes: Lanes | None = None
    while True:
        try:
            request, arguments = pickle.load(requests)
        except (EOFError, pickle.UnpicklingError):
            return
        try:
            if request == "open":
                registered, *rest = arguments
                gymnasium.registry.setdefault(registered.id, registered)
                lanes, answer = Lanes(*rest), None
            else:
                answer = getattr(lanes, request)(*arguments)
        except LanderError as error:
            answer = error
        except Exception:
            answer = RuntimeError("An environment failed in a worker process.\n" + traceback.format_exc())
        try:
            answers.write(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
            answers.flush()
        except BrokenPipeError:
            os._exit(0)  # Nobody listens any more, also not to what leaving in order would say.


if __name__ == "__main__":
    _serve()
