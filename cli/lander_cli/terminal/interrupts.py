"""Ctrl-C, SIGTERM and a closed pipe: the current update is finished and saved, then the program stops."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lander_cli.terminal.console import say, stopping_without_reader
from lander_rl.training.stopping import STOPPING

_Handler = Callable[[int, FrameType | None], None]

_IMPORT_S = 10.0
"""How long a signal waits for the end of an import."""

_LOOK_EVERY_S = 0.02


class StopRequest:
    """Whether a signal asked for a stop, and which one."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 141 without a reader: 128 plus the signal's number."""
        return 128 + (self.signal or signal.SIGINT)


def exit_on_signals() -> StopRequest:
    """End the program with an exception on SIGTERM and on the end of the terminal, as Ctrl-C does.

    So temporary files are removed. A program under nohup still ignores the end of the terminal.

    Returns:
        Whether Ctrl-C was pressed: a library may turn its exception into another one.
    """
    request = StopRequest()

    def interrupt(number: int, frame: FrameType | None) -> None:
        request.signal = number
        raise KeyboardInterrupt

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, _after_imports(leave))
    # Windows has no such signal.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _after_imports(leave))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _after_imports(interrupt))
    return request


@contextmanager
def interrupt_on_signals(request: StopRequest) -> Iterator[StopRequest]:
    """Inside, the first Ctrl-C or SIGTERM sets the request and interrupts; a second one ends the program.

    For work that is begun again by another command, after work that is kept.

    Raises:
        KeyboardInterrupt: the first signal came.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            raise SystemExit(request.exit_code)
        request.signal = number
        raise KeyboardInterrupt

    with _handling(_after_imports(interrupt)):
        yield request


@contextmanager
def stop_on_signals(request: StopRequest | None = None) -> Iterator[StopRequest]:
    """Inside, the first Ctrl-C or SIGTERM sets the request, and a second one ends the program.

    So does a reader that has gone, as in `lander train 2>&1 | head -1`.
    """
    request = request or StopRequest()

    def ask(number: int, frame: FrameType | None) -> None:
        if request.signal is not None:
            raise SystemExit(request.exit_code)
        request.signal = number
        say(STOPPING)

    def without_reader(number: int) -> None:
        request.signal = request.signal or number

    with _handling(ask), stopping_without_reader(without_reader):
        yield request


@contextmanager
def _handling(handler: _Handler) -> Iterator[None]:
    """Inside, `handler` gets Ctrl-C and SIGTERM."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _after_imports(handler: _Handler) -> _Handler:
    """`handler`, which raises; but while a module is imported a first signal waits for the end of that.

    Compiled modules catch what is raised while they are imported: with Box2D the program would go on, and
    ONNX Runtime makes an ImportError of it.
    """
    waiting: set[int] = set()

    def handle(number: int, frame: FrameType | None) -> None:
        if number in waiting or not _importing(frame):
            handler(number, frame)
        else:
            waiting.add(number)
            threading.Thread(target=later, args=(number,), name="lander-imports", daemon=True).start()

    def later(number: int) -> None:
        main, end = threading.main_thread().ident or 0, time.monotonic() + _IMPORT_S
        while _importing(sys._current_frames().get(main)) and time.monotonic() < end:
            time.sleep(_LOOK_EVERY_S)
        if time.monotonic() < end:
            waiting.discard(number)
        if hasattr(signal, "pthread_kill"):
            # To the main thread, which may wait for something and would not hear of it otherwise.
            signal.pthread_kill(main, number)
        else:
            signal.raise_signal(number)

    return handle


def _importing(frame: FrameType | None) -> bool:
    """Whether Python imports a module in `frame` or in one that called it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
