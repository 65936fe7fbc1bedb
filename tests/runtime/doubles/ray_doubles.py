"""What tasks on a cluster must be able to import: an environment, and policies that end their process."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lander_runtime import InputRefused, UsageError


class Walk(gymnasium.Env[Any, Any]):
    """One number that wanders; the seed decides how far, and the action in which direction."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._left = int(self.np_random.integers(2, 9))
        self._at = self.np_random.standard_normal(1).astype(np.float32)
        return self._at, {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._at = self._at + np.float32(2 * action - 1) * self.np_random.random(1).astype(np.float32)
        self._left -= 1
        return self._at, float(self._at[0]), self._left == 0, False, {}


def home(obs: NDArray[Any]) -> NDArray[Any]:
    """Towards zero."""
    return (obs[:, 0] < 0).astype(np.int64)


@dataclass(frozen=True)
class DiesOnce:
    """Like `home`, but the first one that acts anywhere kills its process during an episode."""

    marker: Path

    def __call__(self, obs: NDArray[Any]) -> NDArray[Any]:
        with contextlib.suppress(FileExistsError):
            self.marker.touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        return home(obs)


def dies(obs: NDArray[Any]) -> NDArray[Any]:
    """Kills the process in which it runs."""
    os.kill(os.getpid(), signal.SIGKILL)
    return home(obs)


def fails(obs: NDArray[Any]) -> NDArray[Any]:
    """An error in the user's own code."""
    raise ZeroDivisionError("in the user's policy")


def refuses(obs: NDArray[Any]) -> NDArray[Any]:
    """One of lander's own errors."""
    raise InputRefused("not with these observations")


class Counter:
    """For an actor: adds numbers, refuses some, and can end its process."""

    def __init__(self, start: int) -> None:
        self.total = start

    def add(self, number: int) -> int:
        if number < 0:
            raise UsageError(f"{number} is below 0")
        self.total += number
        return self.total

    def die(self) -> None:
        os._exit(1)
