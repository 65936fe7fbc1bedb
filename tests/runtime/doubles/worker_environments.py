"""Environments that worker processes import too, some of which bring their process down."""

import math
import os
import signal
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray


class WanderingEnv(gymnasium.Env[Any, Any]):
    """Eight numbers that drift for 3 to 20 steps, as the seed decides; every bit of an action shows in the
    return. With `pids` the process notes its number in that folder."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (8,), np.float32)

    def __init__(self, continuous: bool = False, pids: str | None = None) -> None:
        self.action_space = (
            gymnasium.spaces.Box(-1, 1, (2,), np.float32) if continuous else gymnasium.spaces.Discrete(4)
        )
        if pids is not None:
            (Path(pids) / str(os.getpid())).touch()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._left = int(self.np_random.integers(3, 21))
        self._obs = self.np_random.standard_normal(8).astype(np.float32)
        return self._obs, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        push = float(np.sum(action))
        reward = push * float(self._obs[0])
        noise = self.np_random.standard_normal(8)
        self._obs = (0.9 * self._obs + 0.3 * noise + 0.1 * push).astype(np.float32)
        self._left -= 1
        return self._obs, reward, self._left == 0, False, {}


class DeadlyEnv(WanderingEnv):
    """In the second step from the reset with `seed` it kills its process: each one, or with `once` (a file
    that it then makes) the first one only."""

    def __init__(self, seed: int, once: str | None = None) -> None:
        super().__init__()
        self._deadly, self._once = seed, once

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self._steps = 0
        self._doomed = seed == self._deadly
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        if self._doomed and self._steps == 2 and not (self._once and Path(self._once).exists()):
            if self._once:
                Path(self._once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)


class UnopenableEnv(WanderingEnv):
    """Opens in the process `parent` and kills every other one that tries."""

    def __init__(self, parent: int) -> None:
        super().__init__()
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


class FragileEnv(WanderingEnv):
    """Fails in the episode with this seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._fragile = seed

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        if seed == self._fragile:
            raise ArithmeticError("the mast is broken")
        return super().reset(seed=seed, options=options)


class BriefEnv(WanderingEnv):
    """One step, whatever the seed."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._obs, 1.0, True, False, {}


class ClosingEnv(WanderingEnv):
    """Leaves a file in `folder` when it is closed."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = Path(folder)

    def close(self) -> None:
        (self._folder / str(os.getpid())).touch()


def second(obs: NDArray[Any]) -> NDArray[Any]:
    """A policy that workers can import: the second action, always."""
    return np.ones(len(obs), np.int64)


class FaultyEnv(WanderingEnv):
    """In its third step it does what `fault` names."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"]}
    render_mode = None

    def __init__(self, fault: str, render_mode: str | None = None) -> None:
        super().__init__()
        self._fault = fault
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self._steps = 0
        obs, info = super().reset(seed=seed, options=options)
        if self._fault == "reset raises":
            raise KeyError("terrain")
        self._left = 20
        return obs, info

    def render(self) -> Any:
        if self._fault == "render raises":
            raise OSError("no colours left")
        return np.zeros((8, 8, 3), np.uint8)

    def close(self) -> None:
        if self._fault == "close raises":
            raise RuntimeError("cannot close")

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self._steps += 1
        obs, reward, terminated, truncated, info = super().step(action)
        if self._steps == 3:
            obs, reward = self._broken(obs, reward)
        return obs, reward, terminated, truncated, info

    def _broken(self, obs: Any, reward: Any) -> tuple[Any, Any]:
        match self._fault:
            case "step raises":
                raise RuntimeError("the simulator went away\nand more")
            case "step exits":
                raise SystemExit(1)
            case "reward array":
                return obs, np.array([1.0])
            case "reward nan":
                return obs, math.nan
            case "reward text":
                return obs, "much"
            case "observation nan":
                return np.where(np.arange(8) == 5, np.float32(math.nan), obs), reward
            case "observation shape":
                return obs[:3], reward
            case "observation text":
                return "up", reward
        return obs, reward
