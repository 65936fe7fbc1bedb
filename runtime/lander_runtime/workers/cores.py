"""How many cores this process may use, which can be fewer than the machine has."""

import os

from lander_runtime.errors import UsageError
from lander_runtime.text import counted

_MOST = 32
"""Worker processes for each core. Two are already more than it can serve; each takes about 100 MB."""


def available_cores() -> int:
    """The number of usable cores, at least 1."""
    # Python 3.13 has os.process_cpu_count for this.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def core_for(worker: int) -> int | None:
    """The core for this process's worker of this number, in turn; None where the system has no such choice.

    Processes do not all begin with the same core, so that two runs of few workers can share a large machine.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return cores[(os.getpid() + worker) % len(cores)]


def stay_on(core: int) -> None:
    """Keep this process, and those that it starts from now on, on one core."""
    os.sched_setaffinity(0, {core})


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
