"""Shared by the trainer's tests: environments registered for one test, and an empty run.

The environments themselves are in doubles/, because worker processes must be able to import them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_runtime import envs
from lander_runtime.spec import EnvSpec
from lander_trainer import RunDirectory
from trainer_environments import CountingEnv, EchoEnv
from trainer_learners import NAMES


@pytest.fixture
def counting(register: Callable[..., str]) -> Callable[..., EnvSpec]:
    """(options of `CountingEnv`, max_episode_steps) -> its recipe."""

    def spec(*, max_episode_steps: int | None = None, **kwargs: Any) -> EnvSpec:
        return envs.resolve(register(CountingEnv, max_episode_steps=max_episode_steps), kwargs)

    return spec


@pytest.fixture
def echo(register: Callable[..., str]) -> str:
    """The id of `EchoEnv` with 10 steps an episode."""
    return register(EchoEnv, max_episode_steps=10, reward_threshold=9.0)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create("any", tmp_path / "run")


@pytest.fixture
def another_run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create("any", tmp_path / "another")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each learner in turn: for tests that both must pass."""
    return request.param
