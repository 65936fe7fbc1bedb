"""The command in a notebook's cell: `!lander train`.

Jupyter starts it on a terminal of its own and sets FORCE_COLOR. But a cell shows no movement: every picture
of a progress bar would stay, one below the other.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NOTEBOOK_VARIABLES = ("JPY_PARENT_PID", "MPLBACKEND")
"""What a kernel leaves to the programs that it starts: jupyter_client sets the first, ipykernel the second.

The second names a backend that draws inline. Other programs than Jupyter may set it alone."""

_INSIDE: ContextVar[bool] = ContextVar("inside", default=False)


def in_cell() -> bool:
    """Whether a notebook's kernel has started this program."""
    return _INSIDE.get() or "JPY_PARENT_PID" in os.environ or _draws_inline()


@contextmanager
def drawing_into_files() -> Iterator[None]:
    """Inside, matplotlib does not look for the kernel's backend.

    It would refuse to be imported where the command is not installed beside the kernel.
    """
    inside, backend = _INSIDE.set(in_cell()), os.environ.get("MPLBACKEND")
    if _draws_inline():
        os.environ["MPLBACKEND"] = "agg"
    try:
        yield
    finally:
        _INSIDE.reset(inside)
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def _draws_inline() -> bool:
    return "inline" in os.environ.get("MPLBACKEND", "")
