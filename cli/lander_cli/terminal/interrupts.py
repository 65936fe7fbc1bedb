"""Ctrl-C, SIGTERM and a closed pipe: the current update is finished and saved, then the program stops."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lander_cli.terminal.console import say, stopping_without_reader
from lander_rl.training.stopping import STOPPING


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

    signal.signal(signal.SIGTERM, leave)
    # Windows has no such signal.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, leave)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
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

    with _handling(interrupt):
        try:
            yield request
        except ImportError as error:
            # ONNX Runtime, for one, makes an ImportError of a Ctrl-C while it is imported.
            if request():
                raise KeyboardInterrupt from error
            raise


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
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Inside, `handler` gets Ctrl-C and SIGTERM."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
