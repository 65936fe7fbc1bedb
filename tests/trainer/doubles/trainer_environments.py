"""Small Gymnasium environments whose numbers can be read.

A module and not part of conftest.py, so that worker processes can import them.
"""

import os
import sys
from typing import Any, ClassVar

import gymnasium
import numpy as np


class CountingEnv(gymnasium.Env[Any, Any]):
    """Every number shows the episode and step that it belongs to.

    Observes [episode, step], both counted by this copy: episodes from 1, steps from 0 at the reset.
    The step that leads to [e, s] pays 100 e + s. Ends by itself after `length` steps, lengthened by
    0 to `spread` steps that depend on the seed, so that lanes do not end together.
    """

    observation_space = gymnasium.spaces.Box(0, 1e6, (2,), np.float32)

    def __init__(
        self, length: int = 10**6, spread: int = 0, actions: int = 2, render_mode: str | None = None
    ) -> None:
        self.action_space = gymnasium.spaces.Discrete(actions)
        self._length, self._spread = length, spread
        self._episode = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        if seed is not None and self._spread:
            self._length += seed % (self._spread + 1)
            self._spread = 0
        self._episode += 1
        self._step = 0
        return self._obs(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        return self._obs(), 100.0 * self._episode + self._step, self._step >= self._length, False, {}

    def _obs(self) -> Any:
        return np.array([self._episode, self._step], np.float32)


class EchoEnv(gymnasium.Env[Any, Any]):
    """Shows a number as a one-hot vector and pays 1 for the action of that number.

    With 10 steps an episode the best return is 10; guessing gives 10 / 4. `seeds` holds every seed that
    a copy in this process was reset with.
    """

    observation_space = gymnasium.spaces.Box(0, 1, (4,), np.float32)
    action_space = gymnasium.spaces.Discrete(4)
    seeds: ClassVar[list[int]] = []

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        if seed is not None:
            self.seeds.append(seed)
        return self._show(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = self.reward(action)
        return self._show(), reward, False, False, {}

    def reward(self, action: Any) -> float:
        return float(action == self._shown)

    def _show(self) -> Any:
        self._shown = int(self.np_random.integers(4))
        return np.eye(4, dtype=np.float32)[self._shown]


class BonusEnv(EchoEnv):
    """`EchoEnv` that pays `bonus` for every step too, and can have more actions."""

    def __init__(self, bonus: float = 0.0, actions: int = 4, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        self.action_space = gymnasium.spaces.Discrete(actions)
        self._bonus = bonus

    def reward(self, action: Any) -> float:
        return super().reward(action) + self._bonus


class StripeEnv(gymnasium.Env[Any, Any]):
    """An image `[side, side]`, or with `colours`, with one third of its width lit: 1 for naming which.

    `continuous` takes a number in [-1, 1] instead and pays 1 within 1/3 of -2/3, 0 or 2/3. Guessing gives
    a third.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self, colours: int = 0, continuous: bool = False, side: int = 24, render_mode: str | None = None
    ) -> None:
        self._shape = (side, side, colours) if colours else (side, side)
        self.observation_space = gymnasium.spaces.Box(0, 255, self._shape, np.uint8)
        self.action_space = (
            gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32) if continuous else gymnasium.spaces.Discrete(3)
        )
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        return self._show(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if isinstance(self.action_space, gymnasium.spaces.Discrete):
            right = action == self._shown
        else:
            right = abs(float(action[0]) - (self._shown - 1) * 2 / 3) <= 1 / 3
        return self._show(), float(right), False, False, {}

    def render(self) -> Any:
        return np.repeat(self._image.reshape(*self._shape[:2], -1)[..., :1], 3, axis=-1)

    def _show(self) -> Any:
        self._shown = int(self.np_random.integers(3))
        self._image = np.zeros(self._shape, np.uint8)
        third = self._shape[1] // 3
        self._image[:, self._shown * third : (self._shown + 1) * third] = 200
        return self._image


class MatchEnv(gymnasium.Env[Any, Any]):
    """Shows `k` numbers in [-1, 1] and pays 1 for the same numbers as action, less the further off they are.

    Actions are `[rows, columns]` or `[columns]`, observations a vector. With 10 steps an episode the
    best return is 10; always doing nothing gives 10 - 10 / 3 on average. `scale` stretches what is observed.
    """

    received: ClassVar[list[Any]] = []
    """Every action that a copy in this process was given."""

    def __init__(
        self, rows: int = 0, columns: int = 2, scale: float = 1.0, render_mode: str | None = None
    ) -> None:
        self._size = (rows or 1) * columns
        self._scale = scale
        self.render_mode = render_mode
        shape = (rows, columns) if rows else (columns,)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, shape, np.float32)
        self.observation_space = gymnasium.spaces.Box(-scale, scale, (self._size,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        return self._show(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.received.append(np.array(action))
        assert self.action_space.contains(action)
        reward = 1.0 - float(np.square(action.ravel() - self._shown).mean())
        # An environment may use its array as scratch.
        action[...] = 0.0
        return self._show(), reward, False, False, {}

    def render(self) -> Any:
        return np.full((40, 60, 3), 200, np.uint8)

    def _show(self) -> Any:
        self._shown = self.np_random.uniform(-1.0, 1.0, self._size).astype(np.float32)
        return (self._scale * self._shown).astype(np.float32)


class WalkingEnv(gymnasium.Env[Any, Any]):
    """A random walk that actions push, over by itself at +-3: ends depend on seed and actions alike."""

    observation_space = gymnasium.spaces.Box(-10, 10, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._where, self._wind = 0.0, float(self.np_random.normal())
        return self._obs(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._where += action - 1 + 0.5 * self._wind
        self._wind = float(self.np_random.normal())
        return self._obs(), -abs(self._where), abs(self._where) > 3, False, {}

    def _obs(self) -> Any:
        return np.array([self._where, self._wind], np.float32)


class ChattyEnv(WalkingEnv):
    """Prints at every turn, through Python and past it."""

    def reset(self, **options: Any) -> tuple[Any, Any]:
        print("a new episode " * 20)
        os.write(1, b"straight into the descriptor\n")
        return super().reset(**options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        sys.stdout.write("a step\n")
        sys.stdout.flush()
        return super().step(action)


class FragileEnv(WalkingEnv):
    """Breaks at action 2."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if action == 2:
            raise ArithmeticError("the mast is broken")
        return super().step(action)
