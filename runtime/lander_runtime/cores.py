"""How many cores this process may use, which can be fewer than the machine has."""

import os

from lander_runtime.errors import UsageError
from lander_runtime.words import counted

_MOST = 32
"""Worker processes for each core. Two are already more than it can serve; each takes about 100 MB."""


def available_cores() -> int:
    """The number of usable cores, at least 1."""
    # Python 3.13 has os.process_cpu_count for this.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_workers(workers: int) -> None:
    """Refuse so many worker processes that they would fill the machine's memory.

    Raises:
        UsageError: there are more than 32 for each core, which no machine is quicker with.
    """
    most = _MOST * available_cores()
    if workers > most:
        raise UsageError(
            f"{workers:,} workers are too many for {counted(available_cores(), 'core')}: take at most {most}."
        )
