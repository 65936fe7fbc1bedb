"""Normalised observations in a whole run: the update sees what the policy saw."""

from collections.abc import Callable

import numpy as np
import pytest

from lander_trainer import RunDirectory, TrainConfig, train
from lander_trainer.learners import open_learner
from lander_trainer.networks.actor_critic import ActorCritic
from trainer_environments import CountingEnv
from trainer_helpers import settings
from trainer_learners import RecordingLearner


@pytest.fixture
def learner(
    register: Callable[..., str], run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> RecordingLearner:
    """The learner of a finished run: 3 updates of 16 steps, in which observations are [1, steps so far]."""
    opened: list[RecordingLearner] = []

    def open_recording(config: TrainConfig, network: ActorCritic) -> RecordingLearner:
        opened.append(RecordingLearner(open_learner(config, network)))
        return opened[0]

    monkeypatch.setattr("lander_trainer.trainer.open_learner", open_recording)
    values = {"normalize_observations": True, "selection_episodes": 0, "steps": 3 * 64}
    train(settings(register(CountingEnv), **values), run)
    return opened[0]


def test_update_sees_the_observations_that_the_policy_acted_on(learner: RecordingLearner) -> None:
    assert len(learner.updated_with) == 3
    seen = np.concatenate([rollout.obs[:-1] for rollout in learner.updated_with])
    assert np.array_equal(np.stack(learner.acted_on), seen)


def test_each_rollout_is_normalised_with_the_rows_of_those_before_it(learner: RecordingLearner) -> None:
    first, second, third = (rollout.obs[0] for rollout in learner.updated_with)
    assert np.allclose(first, [1, 0])
    # Steps 0 to 15: mean 7.5, variance (16^2 - 1) / 12; the episode is always 1. The rollout starts at 16.
    assert np.allclose(second, [0, (16 - 7.5) / (255 / 12) ** 0.5], atol=1e-5)
    # Steps 0 to 31: mean 15.5, variance (32^2 - 1) / 12. The rollout starts at 32.
    assert np.allclose(third, [0, (32 - 15.5) / (1023 / 12) ** 0.5], atol=1e-5)
