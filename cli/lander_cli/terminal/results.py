"""stdout for results alone: what an environment or a library prints meanwhile goes to stderr."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TextIO

_RESULTS: ContextVar[TextIO | None] = ContextVar("results", default=None)


def results() -> TextIO:
    """Where results go: inside of `results_only` what stdout was before."""
    return _RESULTS.get() or sys.stdout


@contextlib.contextmanager
def results_only() -> Iterator[None]:
    """Inside, `results` is stdout, and everything else that is printed there goes to stderr.

    Also what compiled code prints past Python, where stdout is the process's own.
    """
    with contextlib.ExitStack() as undoing:
        undoing.callback(_RESULTS.reset, _RESULTS.set(_own_stdout(undoing)))
        undoing.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def _own_stdout(undoing: contextlib.ExitStack) -> TextIO:
    stream = sys.stdout
    if stream is None:  # Closed by who started the command.
        return undoing.enter_context(open(os.devnull, "w"))  # noqa: PTH123 (a device)
    try:
        if stream.fileno() != 1:
            return stream
        stream.flush()
        copy = os.dup(1)
    except (OSError, ValueError):  # A stream of a test or a notebook has no number.
        return stream
    own = undoing.enter_context(
        _closing(os.fdopen(copy, "w", encoding=stream.encoding, errors=stream.errors))
    )
    with contextlib.suppress(OSError):  # stderr is closed; then there is no other place.
        os.dup2(2, 1)
    undoing.callback(_put_back, copy)
    return own


def _put_back(copy: int) -> None:
    with contextlib.suppress(OSError):
        os.dup2(copy, 1)


@contextlib.contextmanager
def _closing(stream: TextIO) -> Iterator[TextIO]:
    try:
        yield stream
    finally:
        # Every result is flushed when it is printed: what fails here has been said already.
        with contextlib.suppress(OSError):
            stream.close()
