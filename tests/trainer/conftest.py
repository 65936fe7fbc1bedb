"""Shared by the trainer's tests: environments registered for one test, and an empty run.

The environments themselves are in doubles/, because worker processes must be able to import them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from lander_runtime import envs
from lander_runtime.spec import EnvSpec
from lander_trainer import RunDirectory
from trainer_environments import CountingEnv, EchoEnv
from trainer_learners import NAMES

Register = Callable[..., str]
"""(class or "module:class", options of `gymnasium.register`) -> the id it can be made by during this test."""


@pytest.fixture
def register() -> Iterator[Register]:
    """Register environments under ids of their own for the length of one test.

    Given as a class, an environment can only be made in this process; given as text, also in a worker.
    """
    ids: list[str] = []

    def one(entry_point: type[gymnasium.Env[Any, Any]] | str, **options: Any) -> str:
        name = entry_point.rpartition(":")[2] if isinstance(entry_point, str) else entry_point.__name__
        env_id = f"{name}{len(ids)}-v0"
        gymnasium.register(env_id, entry_point=entry_point, **options)
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


@pytest.fixture
def echo(register: Register) -> str:
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
