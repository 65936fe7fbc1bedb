"""How much memory a rollout takes, told and compared with what there is before anything is allocated."""

import math
from pathlib import Path

import numpy as np

from lander_runtime.errors import MachineLacks
from lander_runtime.spec import Space
from lander_trainer.config import TrainConfig

_COPIES = 4
"""Of a rollout's observations in an update: as collected, ordered for learning, without dummy rows, and where
the learner reads."""

_GROUP = Path("/sys/fs/cgroup")
"""Where Linux tells a container of its limits."""


def rollout_bytes(config: TrainConfig, observation: Space) -> int:
    """Bytes of one rollout's observations, once, in the type that the environment hands out."""
    row = math.prod(observation.shape) * np.dtype(observation.dtype).itemsize
    return (config.rollout_steps + 1) * config.lanes * row


def check_memory(config: TrainConfig, observation: Space) -> None:
    """Refuse a rollout that does not fit.

    Raises:
        MachineLacks: with what it needs and what there is.
    """
    needed, free = _COPIES * rollout_bytes(config, observation), free_memory()
    if free is not None and needed > free:
        raise MachineLacks(
            f"A rollout of {config.lanes} lanes x {config.rollout_steps} steps of {observation.dtype} "
            f"{list(observation.shape)} takes {_COPIES} x {needed / _COPIES / 1e9:.1f} GB; "
            f"{free / 1e9:.1f} GB are free. Lower lanes or rollout_steps, or make the images smaller."
        )


def free_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not tell (not Linux)."""
    try:
        entries = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = 1024 * int(entries["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None
    return min(free, _left_to_container(free))


def _left_to_container(otherwise: int) -> int:
    """Bytes up to the limit of the control group, where there is one."""
    try:
        limit, used = (int((_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        told = dict(line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
        # Files that were read and are not used now count as used there, and give way at once.
        return limit - used + int(told["inactive_file"])
    except (OSError, ValueError, KeyError):  # No such file, or "max", which is no limit.
        return otherwise
