"""The cores that this process may use, which can be fewer than the machine has."""

import os

from lander_runtime.errors import UsageError
from lander_runtime.text import counted

_MOST = 32
"""Worker processes for each core, at most. Two are already more than it can serve; each takes some 100 MB."""


def available_cores() -> int:
    """The number of usable cores, at least 1."""
    # Python 3.13 has os.process_cpu_count for this.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def core_for(worker: int) -> int | None:
    """The core for worker number `worker`, in turn; None if the system cannot pin processes to cores.

    The first core depends on the process id, so that two runs with few workers can share a large machine.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return cores[(os.getpid() + worker) % len(cores)]


def stay_on(core: int) -> None:
    """Pin this process, and those that it starts from now on, to one core (Linux only)."""
    os.sched_setaffinity(0, {core})


def check_workers(workers: int) -> None:
    """Refuse a number of worker processes that would fill the machine's memory.

    Raises:
        UsageError: there are more than 32 for each core; no machine is faster with so many.
    """
    most = _MOST * available_cores()
    if workers > most:
        raise UsageError(
            f"{workers:,} workers are too many for {counted(available_cores(), 'core')}: take at most {most}."
        )
