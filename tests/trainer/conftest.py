"""Doubles that several files here share: small Gymnasium environments whose numbers can be read."""

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

from lander_runtime import envs
from lander_runtime.spec import EnvSpec

Register = Callable[..., str]
"""(class, options of `gymnasium.register`) -> the id it can be made by during this test."""


@pytest.fixture
def register() -> Iterator[Register]:
    """Register environment classes under ids of their own for the length of one test."""
    ids: list[str] = []

    def one(cls: type[gymnasium.Env[Any, Any]], **options: Any) -> str:
        env_id = f"{cls.__name__}{len(ids)}-v0"
        gymnasium.register(env_id, entry_point=cls, **options)
        ids.append(env_id)
        return env_id

    yield one
    for env_id in ids:
        del gymnasium.registry[env_id]


@pytest.fixture
def counting(register: Register) -> Callable[..., EnvSpec]:
    """(options of `CountingEnv`, max_episode_steps) -> its recipe."""

    def spec(*, max_episode_steps: int | None = None, **kwargs: Any) -> EnvSpec:
        return envs.resolve(register(CountingEnv, max_episode_steps=max_episode_steps), kwargs)

    return spec


class CountingEnv(gymnasium.Env[Any, Any]):
    """Says in every number where it came from.

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
