"""The signals that end a program, and calls that they must not interrupt."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, SIGTERM and the end of the terminal; Windows has no SIGHUP."""


@contextmanager
def signals_held() -> Iterator[None]:
    """Inside, signals wait; they are handled at the end.

    For every short call of Ray: where a handler raises inside one, Ray may catch it, and the program goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    try:
        with ExitStack() as handlers:
            for number in ENDING:
                # None: set by something other than Python, and cannot be set again.
                if signal.getsignal(number) is not None:
                    before = signal.signal(number, lambda found, frame: came.append(found))
                    handlers.callback(signal.signal, number, before)
            yield
    finally:
        for number in came:
            signal.raise_signal(number)
