"""Shaping: rewards that only training has; they change the training and no score."""

from collections.abc import Callable

import pytest

from lander_runtime.errors import UsageError
from lander_trainer import Checkpoint, RunDirectory, prepare, train
from trainer_helpers import Recorder, settings, timeless_rows


@pytest.fixture
def paying(register: Callable[..., str]) -> str:
    """The id of `BonusEnv` with 10 steps an episode."""
    return register("trainer_environments:BonusEnv", max_episode_steps=10)


@pytest.mark.parametrize("workers", [1, 2])
def test_training_is_paid_and_selection_is_not(paying: str, run: RunDirectory, workers: int) -> None:
    recorder = Recorder()
    config = settings(paying, shaping={"bonus": 100.0}, workers=workers)
    result = train(config, run, observer=recorder)
    returns = [metrics.mean_return for metrics in recorder.updates if metrics.mean_return is not None]
    assert min(returns) >= 1000.0
    assert result.progress.best_score is not None
    assert 0.0 <= result.progress.best_score <= 10.0


def test_the_file_names_the_shaping_among_the_settings_and_not_in_the_environment(
    paying: str, run: RunDirectory
) -> None:
    config = settings(paying, shaping={"bonus": 1.0}, env_kwargs={"actions": 4})
    train(config, run)
    checkpoint = Checkpoint.load(run.checkpoint)
    assert checkpoint.env.kwargs == {"actions": 4}
    assert checkpoint.config.shaping == {"bonus": 1.0}
    assert "bonus = 1.0" in run.config.read_text()


def test_shaping_continues_after_an_interruption(
    paying: str, run: RunDirectory, another_run: RunDirectory
) -> None:
    config = settings(paying, shaping={"bonus": 1.0})
    train(config, run)
    stops = iter([False, True])
    train(config, another_run, stop=lambda: next(stops))
    train(config, another_run, resume=True)
    assert timeless_rows(run) == timeless_rows(another_run)


def test_shaping_that_changes_the_actions_is_refused_before_anything_starts(paying: str) -> None:
    with pytest.raises(UsageError, match=r"shaping .*'actions': 5.* changes the observations or actions"):
        prepare(settings(paying, shaping={"actions": 5}))
