"""How many cores this process may use, which can be fewer than the machine has."""

import os


def available_cores() -> int:
    """The number of usable cores, at least 1."""
    # Python 3.13 has os.process_cpu_count for this.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
