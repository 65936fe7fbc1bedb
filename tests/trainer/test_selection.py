"""The selection score: greedy, on the selection seeds, undiscounted."""

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.seeds import FIRST_EVALUATION_SEED, FIRST_SEARCH_SEED, FIRST_SELECTION_SEED
from lander_trainer.ppo.distributions import Categorical
from lander_trainer.selection import selection_score


@pytest.fixture
def paying(register: Callable[..., str]) -> "type[Paying]":
    """A fresh `Paying`, so that no test sees another one's seeds, registered as `Paying.env_id`."""
    fresh = type("Paying", (Paying,), {"seeds": []})
    fresh.env_id = register(fresh)
    return fresh


class Paying(gymnasium.Env[Any, Any]):
    """Three steps an episode; action 1 is paid the last digit of the seed, action 0 costs 1."""

    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    seeds: ClassVar[list[int]] = []
    env_id: ClassVar[str]

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        assert seed is not None, "every scored episode has a seed of its own"
        self.seeds.append(seed)
        self._step = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        reward = self.seeds_digit() if action == 1 else -1.0
        return np.zeros(2, np.float32), reward, self._step == 3, False, {}

    def seeds_digit(self) -> float:
        return float((self.np_random_seed or 0) % 10)


def preferring(action: int, by: float) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """Logits of which that of `action` is `by` above the other, whatever is seen."""
    logits = np.zeros(2, np.float32)
    logits[action] = by
    return lambda obs: np.broadcast_to(logits, (len(obs), 2))


def test_mean_of_undiscounted_returns(paying: type[Paying]) -> None:
    # Seeds 900,000 to 900,003 pay 3 * 0, 3 * 1, 3 * 2, 3 * 3: (0 + 3 + 6 + 9) / 4
    assert selection_score(preferring(1, 5.0), Categorical(2), envs.resolve(paying.env_id), 4) == 4.5
    assert sorted(paying.seeds) == [900_000, 900_001, 900_002, 900_003]


def test_policy_is_greedy_not_sampled(paying: type[Paying]) -> None:
    # A probability of 0.52 is enough to always be chosen.
    assert selection_score(preferring(0, 0.1), Categorical(2), envs.resolve(paying.env_id), 50) == -3.0


def test_more_episodes_than_lanes_all_run_once(paying: type[Paying]) -> None:
    assert selection_score(preferring(1, 1.0), Categorical(2), envs.resolve(paying.env_id), 70) == 3 * 4.5
    assert sorted(paying.seeds) == list(range(FIRST_SELECTION_SEED, FIRST_SELECTION_SEED + 70))


def test_seeds_are_used_for_nothing_else() -> None:
    assert FIRST_SELECTION_SEED < FIRST_SEARCH_SEED < FIRST_EVALUATION_SEED


def test_score_is_repeatable_and_touches_no_global_random_numbers(paying: type[Paying]) -> None:
    spec = envs.resolve("CartPole-v1")
    matrix = np.random.default_rng(3).normal(size=(4, 2)).astype(np.float32)
    torch.manual_seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = selection_score(lambda obs: obs @ matrix, Categorical(2), spec, 5)
    assert selection_score(lambda obs: obs @ matrix, Categorical(2), spec, 5) == first
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
