"""How much memory a rollout takes, compared with the free memory before anything is allocated."""

import math
from pathlib import Path

import numpy as np

from lander_runtime.errors import MachineLacks
from lander_runtime.spec import Space
from lander_trainer.config import TrainConfig

_COPIES = 4
"""Copies of a rollout's observations during an update: as collected, reordered for learning, without dummy
rows, and the learner's own."""

_CGROUP = Path("/sys/fs/cgroup")
"""The control group of this process, where Linux keeps a container's limits."""


def rollout_bytes(config: TrainConfig, observation: Space) -> int:
    """Bytes of one copy of a rollout's observations, in the environment's own type."""
    row = math.prod(observation.shape) * np.dtype(observation.dtype).itemsize
    return (config.rollout_steps + 1) * config.lanes * row


def check_memory(config: TrainConfig, observation: Space) -> None:
    """Check that a rollout fits into the free memory.

    Raises:
        MachineLacks: it does not fit; the message says what it needs and what is free.
    """
    needed, free = _COPIES * rollout_bytes(config, observation), free_memory()
    if free is not None and needed > free:
        raise MachineLacks(
            f"A rollout of {config.lanes} lanes x {config.rollout_steps} steps of {observation.dtype} "
            f"{list(observation.shape)} takes {_COPIES} x {needed / _COPIES / 1e9:.1f} GB; "
            f"{free / 1e9:.1f} GB are free. Lower lanes or rollout_steps, or make the images smaller."
        )


def free_memory() -> int | None:
    """Bytes that this process can still allocate; None where that is unknown (not Linux)."""
    try:
        entries = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = 1024 * int(entries["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None
    return min(free, _free_in_container(free))


def _free_in_container(without_limit: int) -> int:
    """Bytes up to the limit of the control group, or `without_limit`."""
    try:
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        counters = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        # Cached files count as used there, but the system frees them at once when memory is needed.
        return limit - used + int(counters["inactive_file"])
    except (OSError, ValueError, KeyError):  # No such file, or "max", which means no limit.
        return without_limit
