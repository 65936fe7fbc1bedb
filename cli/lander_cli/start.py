"""Where the command `lander` starts: Ctrl-C ends it quietly from its first moment to its last.

Apart from `main.py`, whose imports take most of a second. In that time, and while Python shuts down, there is
nothing to save and nothing to say.
"""

import os
import signal
from types import FrameType


def main() -> None:
    """`lander_cli.main.main`; where Ctrl-C is ignored, as in a background job, it stays so."""
    listens = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if listens:
        signal.signal(signal.SIGINT, _leave)
    from lander_cli.main import main as run

    if listens:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    finally:
        if listens:
            signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    # An exception could be caught, or turned into another one, by what is being imported.
    os._exit(128 + number)
