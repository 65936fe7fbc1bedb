"""A second way out for Ctrl-C and SIGTERM: while ONNX Runtime computes, Python handles no signal.

Python runs its handlers between two steps of the main thread. One call of ONNX Runtime is one step, and may
take as long as a network is large. A thread gets the signal's number through a socket, and ends the program
if the main thread does not leave that call by itself. Apart from `interrupts.py`, which says what a signal
does otherwise.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from lander_runtime.workers.signals import ENDING

_GRACE_S = 1.2
"""How long the main thread has for leaving by itself."""

_LOOK_EVERY_S = 0.1

_COMPUTING = (os.path.join("lander_runtime", "policy", "session.py"), "onnxruntime_inference_collection.py")  # noqa: PTH118
"""Where the main thread is while ONNX Runtime computes: ends of the names of Python's files."""


@contextmanager
def leaving_when_stuck() -> Iterator[None]:
    """Inside, a signal that the main thread does not come to handle ends the program.

    It takes a second and a half, and the exit code is 128 plus the signal's number, as in shells.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(
        target=_watch,
        args=(reader, writer, threading.get_ident()),
        name="lander-signals",
        daemon=True,
    )
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        watcher.join()
        reader.close()


def _watch(reader: socket.socket, writer: socket.socket, main: int) -> None:
    while received := reader.recv(64):
        for number in received:
            if number in ENDING and _stays_stuck(main):
                _leave(number)


def _stays_stuck(main: int) -> bool:
    """Whether the main thread is in one call of ONNX Runtime all the time."""
    first = _computing(main)
    end = time.monotonic() + _GRACE_S
    while first is not None and time.monotonic() < end:
        time.sleep(_LOOK_EVERY_S)
        if _computing(main) is not first:
            return False
    return first is not None


def _computing(main: int) -> FrameType | None:
    """The main thread's frame where that is a call of ONNX Runtime."""
    frame = sys._current_frames().get(main)
    return frame if frame is not None and frame.f_code.co_filename.endswith(_COMPUTING) else None


def _leave(number: int) -> None:
    with suppress(OSError, ValueError):
        # A progress bar hides the cursor.
        shown = "\033[?25h\n" if sys.stderr.isatty() else ""
        os.write(2, f"{shown}Stopped while ONNX Runtime was computing.\n".encode())
    os._exit(128 + number)
