"""Runs in which a number is no longer finite: they stop, say where, and keep the sound checkpoint."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from lander_runtime.errors import CheckFailed, EnvironmentFailed
from lander_trainer import Checkpoint, RunDirectory, train
from trainer_environments import EchoEnv
from trainer_helpers import settings, train_until, updates_in
from trainer_learners import NAMES


class Sick(EchoEnv):
    """Pays NaN once `sick` is switched on."""

    sick: ClassVar[bool] = False

    def reward(self, action: Any) -> float:
        return math.nan if self.sick else super().reward(action)


@pytest.mark.parametrize("learner", NAMES)
def test_nan_stops_the_run_and_leaves_the_older_files(
    register: Callable[..., str], run: RunDirectory, learner: str
) -> None:
    switchable = type("Switchable", (Sick,), {"sick": False})
    config = settings(register(switchable, max_episode_steps=10), selections=6, learner=learner)
    train_until(config, run, 2)
    before = run.checkpoint.read_bytes(), run.best.read_bytes()
    switchable.sick = True
    sentence = r"Switchable\S+ returned nan as its reward in step \d+ of the episode of seed \d+\."
    with pytest.raises(EnvironmentFailed, match=rf"{sentence} .*older and sound"):
        train(config, run, resume=True)
    assert (run.checkpoint.read_bytes(), run.best.read_bytes()) == before
    assert updates_in(run) == [1, 2]
    switchable.sick = False
    assert train(config, run, resume=True).progress.updates == 6


def test_nan_before_the_first_checkpoint_names_none(register: Callable[..., str], run: RunDirectory) -> None:
    sick = type("AlwaysSick", (Sick,), {"sick": True})
    with pytest.raises(EnvironmentFailed, match="AlwaysSick") as caught:
        train(settings(register(sick, max_episode_steps=10)), run)
    assert not run.checkpoint.exists()
    assert "older and sound" not in str(caught.value)


class Blind(EchoEnv):
    """Observes NaN in its fourth step."""

    def reset(self, **options: Any) -> tuple[Any, Any]:
        self._steps = 0
        return super().reset(**options)

    def _show(self) -> Any:
        self._steps += 1
        return super()._show() * (math.nan if self._steps == 5 else 1.0)


@pytest.mark.parametrize("learner", NAMES)
def test_observation_that_is_not_finite_is_named(
    register: Callable[..., str], run: RunDirectory, learner: str
) -> None:
    config = settings(register(Blind, max_episode_steps=10), learner=learner)
    with pytest.raises(EnvironmentFailed, match=r"returned NaN in observation\[\d\] in step 4 of"):
        train(config, run)
    assert not run.checkpoint.exists()


class Bright(Blind):
    """Observes infinities in its fourth step, which clipping would make numbers of."""

    def _show(self) -> Any:
        shown = super()._show()
        return np.where(np.isnan(shown), np.float32(math.inf), shown)


def test_infinity_is_named_before_normalising_hides_it(
    register: Callable[..., str], run: RunDirectory
) -> None:
    config = settings(register(Bright, max_episode_steps=10), normalize_observations=True)
    with pytest.raises(EnvironmentFailed, match=r"returned -?inf in observation"):
        train(config, run)


@pytest.mark.parametrize("learner", NAMES)
def test_weights_that_are_not_finite_are_named(echo: str, run: RunDirectory, learner: str) -> None:
    config = settings(echo, learner=learner)
    train_until(config, run, 2)
    checkpoint = Checkpoint.load(run.checkpoint)
    checkpoint.tensors["network.critic.0.weight"][0, 0] = math.inf
    checkpoint.save(run.checkpoint)
    before = run.checkpoint.read_bytes()
    with pytest.raises(CheckFailed, match="Update 3: no longer finite: values"):
        train(config, run, resume=True)
    assert run.checkpoint.read_bytes() == before
