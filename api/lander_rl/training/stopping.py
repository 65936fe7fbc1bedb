"""Ctrl-C in a script or a notebook: the first asks for a stop after this update, the second stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_interrupt(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Inside, the first Ctrl-C is what the function tells of, and the second raises KeyboardInterrupt.

    A program that handles Ctrl-C itself, and a thread that is not the main one, are left as they are: the
    function is then False for ever.

    Args:
        say: takes a line for the reader, at the first Ctrl-C.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say("Stopping after this update; the run will be saved. Once more to stop at once.")

    # Only the main thread may set a handler. Jupyter puts Python's own in place while a cell runs.
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
