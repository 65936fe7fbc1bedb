"""MultiDiscrete actions: a product of categoricals that is learned, resumed, and worked out by hand."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.spec import Space
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, train
from lander_trainer.backends.lanes import ActionHistory
from lander_trainer.learners import choose_learner
from lander_trainer.ppo.distributions import MultiCategorical, distribution_of
from lander_trainer.ppo.losses import multi_categorical
from matching_environment import NVEC
from trainer_learners import NAMES

SPACE = Space("MultiDiscrete", (3,), "int64", nvec=NVEC)


def settings(env_id: str, **values: object) -> TrainConfig:
    return TrainConfig(
        env=env_id, steps=20_000, lanes=16, rollout_steps=64, minibatches=4, hidden_sizes=(32,),
        learning_rate=0.003, selection_episodes=8, backend="gymnasium", device="cpu", workers=1,
    ).with_values(values)  # fmt: skip


def test_it_is_learned_in_seconds(register, run: RunDirectory) -> None:
    """Guessing matches (1/3 + 1/2 + 1/4) / 3 of the cards, a return of 2.9 of 8."""
    result = train(settings(register("matching_environment:MatchEnv")), run)
    assert result.progress.best_score == 8.0


def test_a_resumed_run_ends_with_the_same_weights(register, tmp_path: Path) -> None:
    env_id = register("matching_environment:MatchEnv")
    config = settings(env_id, steps=3 * 1024, workers=2)
    whole, parts = (RunDirectory.create(env_id, tmp_path / name) for name in ("whole", "parts"))
    train(config, whole)
    # In the middle of an episode, since 8 + 1 steps do not divide 64.
    train(replace(config, steps=1024), parts)
    train(config, parts, resume=True)
    first, second = (Checkpoint.load(folder.checkpoint).network() for folder in (whole, parts))
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


def test_log_probabilities_and_entropies_by_hand() -> None:
    # Halves, and a quarter against three quarters.
    row = np.log(np.array([[0.5, 0.5, 0.25, 0.75]], np.float32))
    actions = np.array([[1, 0]])
    expected = math.log(0.5) + math.log(0.25)
    assert MultiCategorical((2, 2)).log_probs(row, actions).tolist() == pytest.approx([expected])
    log_probs, entropies = multi_categorical((2, 2))(torch.from_numpy(row), torch.from_numpy(actions))
    assert log_probs.tolist() == pytest.approx([expected])
    entropy = math.log(2) - 0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert entropies.tolist() == pytest.approx([entropy])


def test_samples_have_the_probabilities_of_their_blocks() -> None:
    distribution = distribution_of(Space("MultiDiscrete", (2,), "int64", nvec=(2, 3)))
    outputs = np.log(np.tile(np.array([0.25, 0.75, 0.5, 0.25, 0.25], np.float32), (30_000, 1)))
    noise = distribution.noise(outputs.shape, np.random.default_rng(3))
    drawn = distribution.sample(outputs, noise)
    assert np.allclose(np.bincount(drawn[:, 0]) / 30_000, [0.25, 0.75], atol=0.015)
    assert np.allclose(np.bincount(drawn[:, 1]) / 30_000, [0.5, 0.25, 0.25], atol=0.015)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.02
    assert distribution.greedy(outputs[0]).tolist() == [1, 0]


def test_the_learner_is_autograd() -> None:
    observation, config = Space("Box", (9,), "float32"), TrainConfig(device="cpu")
    assert choose_learner(config, observation, SPACE) == "autograd"
    assert choose_learner(config, observation, Space("Discrete", (), "int64", n=2)) == NAMES[0]
    with pytest.raises(UsageError, match=r"not for MultiDiscrete ones\. Use learner=autograd"):
        choose_learner(replace(config, learner="handwritten"), observation, SPACE)


@pytest.mark.parametrize(
    "actions", [[[0, 2, 0]], [[-1, 0, 0]], [[0, 0]], [0, 0, 0], [[0.0, 0.0, 0.0]]], ids=str
)
def test_damaged_histories_are_refused(actions: list[object]) -> None:
    state = {"episodes": np.array([0]), "lengths": np.array([1]), "actions": np.array(actions)}
    with pytest.raises(InputRefused, match="actions"):
        ActionHistory.read(state, 1, SPACE)
