"""Ctrl-C in a script or a notebook: the first stops after the current update, the second at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = "Stopping after this update; the run will be saved. Once more to stop at once."
"""Said at the first Ctrl-C, also by the command."""


@contextmanager
def stop_on_interrupt(
    say: Callable[[str], None], stop: Callable[[], bool] | None = None
) -> Iterator[Callable[[], bool]]:
    """Yield a function that is True after the first Ctrl-C; the second raises KeyboardInterrupt.

    If the program handles Ctrl-C itself, or this is not the main thread, only `stop` makes it True.

    Args:
        say: prints a line for the user, at the first Ctrl-C.
        stop: the caller's own reason to stop: it is asked too.
    """
    own = stop or (lambda: False)
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say(STOPPING)

    # Only the main thread may set a handler. Jupyter sets Python's default handler while a cell runs.
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield own
        return
    signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked or own()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
