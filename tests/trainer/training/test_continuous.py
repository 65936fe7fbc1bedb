"""Runs with continuous actions: they learn, resume bit for bit, and step environments with valid actions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.errors import InputRefused
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, train
from lander_trainer.backends import open_backend
from lander_trainer.backends.gymnasium import GymnasiumBackend
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.plan import check_trainable
from lander_trainer.ppo.distributions import distribution_of
from lander_trainer.ppo.rollout import Collector
from trainer_environments import MatchEnv
from trainer_helpers import Recorder, equal, settings, tensors, timeless_rows, train_until, weights

NORMALISED = {"normalize_observations": True, "normalize_rewards": True}


@pytest.fixture
def match(register: Callable[..., str]) -> str:
    """The id of `MatchEnv` with 10 steps an episode, which workers can make too."""
    return register("trainer_environments:MatchEnv", max_episode_steps=10, reward_threshold=9.5)


def learning(env_id: str, **values: Any) -> TrainConfig:
    """12 updates of 16 x 32 steps: about a second."""
    plain = {
        "lanes": 16, "rollout_steps": 32, "minibatches": 4, "epochs": 8, "steps": 12 * 512,
        "learning_rate": 0.01, "reward_scale": 1.0, "gamma": 0.0, "entropy_coef": 0.0, "hidden_sizes": (16,),
        "selection_episodes": 8,
    }  # fmt: skip
    return settings(env_id, **(plain | values))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"env_kwargs": {"rows": 2, "columns": 2}, "steps": 24 * 512},
        # Numbers in the hundreds, which a network with tanh cannot tell apart unless they are normalised.
        {"env_kwargs": {"scale": 300.0}, **NORMALISED},
    ],
    ids=["vector", "matrix", "normalised"],
)
def test_continuous_policy_learns_to_match_its_observation(
    match: str, run: RunDirectory, name: str, values: dict[str, Any]
) -> None:
    recorder = Recorder()
    result = train(learning(match, learner=name, **values), run, observer=recorder)
    # Nothing but noise around 0 gives 6.7.
    assert result.progress.best_score is not None
    assert result.progress.best_score > 9.5
    entropies = [metrics.entropy for metrics in recorder.updates]
    assert entropies[-1] < entropies[0] - 0.5  # surer of itself


def test_both_learners_do_the_same(match: str, run: RunDirectory, another_run: RunDirectory) -> None:
    config = learning(match, steps=512, selection_episodes=0, entropy_coef=0.01, target_kl=None, **NORMALISED)
    rows = []
    for learner, its in (("handwritten", run), ("autograd", another_run)):
        recorder = Recorder()
        train(replace(config, learner=learner), its, observer=recorder)
        rows.append(recorder.updates[0])
    mine, theirs = weights(run.checkpoint), weights(another_run.checkpoint)
    assert "network.actor_log_std" in mine
    assert mine["network.actor_log_std"].abs().min() > 0.01  # it has learned, too
    assert mine.keys() == theirs.keys()
    for key, tensor in mine.items():
        assert torch.allclose(tensor, theirs[key], rtol=1e-3, atol=1e-4), key
    for field in ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction", "grad_norm"):
        assert getattr(rows[0], field) == pytest.approx(getattr(rows[1], field), rel=1e-2, abs=1e-4), field


def test_first_policy_has_mean_zero_and_deviation_one(match: str, run: RunDirectory) -> None:
    _, action = check_trainable(envs.resolve(match))
    with torch.random.fork_rng(devices=[]):
        network = ActorCritic(2, distribution_of(action), (8,), "tanh")
    assert next(name for name, _ in network.named_parameters()) == "actor_log_std"
    outputs = network.outputs(torch.ones(3, 2))
    assert outputs.shape == (3, 4)
    assert outputs[:, :2].abs().max() < 0.1
    assert not outputs[:, 2:].any()


# The actions that an environment gets, and those in the history.


def far_out(obs: NDArray[Any]) -> tuple[NDArray[np.float32], None]:
    """A policy whose means lie outside of the bounds, on either side."""
    return np.tile(np.float32([4.0, -4.0, 0.0, 0.0]), (len(obs), 1)), None


def test_environment_gets_clipped_actions_and_the_learner_sampled_ones(
    register: Callable[..., str],
) -> None:
    recording = type("Recording", (MatchEnv,), {"received": []})
    spec = envs.resolve(register(recording, max_episode_steps=10))
    backend = open_backend("gymnasium", spec, 3, 5, 1)
    distribution = distribution_of(check_trainable(spec)[1])
    collector = Collector(backend, backend.reset(), 7, np.random.default_rng(5), distribution)
    rollout = collector.collect(far_out)
    backend.close()
    assert (rollout.actions.shape, rollout.actions.dtype) == ((7, 3, 2), np.float32)
    assert rollout.actions[..., 0].max() > 4.0
    assert np.array_equal(np.array(recording.received), np.clip(rollout.actions, -1, 1).reshape(-1, 2))


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "LunarLanderContinuous-v3"])
def test_real_environments_continue_the_same(env_id: str) -> None:
    spec = envs.resolve(env_id)
    size = check_trainable(spec)[1].shape[0]
    actions = np.random.default_rng(2).uniform(-1, 1, (260, 3, size)).astype(np.float32)
    backend = GymnasiumBackend(spec, 3, 7)
    backend.reset()
    for row in actions[:150]:
        backend.step(row)
    state = backend.state()
    expected = [[part.copy() for part in backend.step(row)] for row in actions[150:]]
    backend.close()
    assert any(row[2].any() or row[3].any() for row in expected)
    again = GymnasiumBackend(spec, 3, 7, workers=2)
    again.restore(state)
    for row, parts in zip(actions[150:], expected, strict=True):
        for found, part in zip(again.step(row), parts, strict=True):
            assert np.array_equal(found, part)
    again.close()


@pytest.mark.parametrize(
    "actions",
    [
        None,
        np.zeros((15, 2), np.float64),
        np.zeros((15, 3), np.float32),
        np.zeros(15, np.float32),
        np.zeros(15, np.int64),
        np.full((15, 2), np.nan, np.float32),
        np.zeros((14, 2), np.float32),
    ],
    ids=lambda array: "missing" if array is None else f"{array.dtype}{list(array.shape)}{array.flat[0]}",
)
def test_state_that_does_not_fit_is_refused(match: str, actions: NDArray[Any] | None) -> None:
    backend = GymnasiumBackend(envs.resolve(match), 3, 7)
    try:
        backend.reset()
        for _ in range(5):
            backend.step(np.zeros((3, 2), np.float32))
        state = {name: a for name, a in {**backend.state(), "actions": actions}.items() if a is not None}
        with pytest.raises(InputRefused, match=r"state of the environments \((actions|lengths)\)"):
            backend.restore(state)
    finally:
        backend.close()


# Resuming.


def same_end(one: RunDirectory, other: RunDirectory) -> None:
    assert timeless_rows(one) == timeless_rows(other)
    assert equal(tensors(one.checkpoint), tensors(other.checkpoint))
    assert equal(tensors(one.best), tensors(other.best))


@pytest.mark.parametrize("values", [{}, NORMALISED], ids=["raw", "normalised"])
@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", None])
def test_interrupted_run_ends_as_if_it_had_not_been(
    match: str, run: RunDirectory, another_run: RunDirectory, env_id: str | None, values: dict[str, Any]
) -> None:
    config = settings(env_id or match, **values)
    train(config, run)
    train_until(config, another_run, 3)
    assert not train(config, another_run, resume=True).progress.resumed
    same_end(run, another_run)


def test_number_of_workers_changes_nothing(match: str, run: RunDirectory, another_run: RunDirectory) -> None:
    train(settings(match, **NORMALISED), run)
    train(settings(match, workers=2, **NORMALISED), another_run)
    same_end(run, another_run)


def test_normaliser_is_in_the_checkpoint_only_if_the_settings_normalise(
    match: str, run: RunDirectory, another_run: RunDirectory
) -> None:
    train(settings(match, **NORMALISED), run)
    train(settings(match), another_run)
    assert not tensors(another_run.checkpoint, "normaliser.")
    found = tensors(run.checkpoint, "normaliser.")
    rows = Checkpoint.load(run.checkpoint).progress.steps
    assert found["normaliser.observations.count"].item() == found["normaliser.returns.count"].item() == rows
    assert found["normaliser.observations.mean"].shape == (2,)
    mean, deviation = Checkpoint.load(run.checkpoint).normaliser().frozen or (None, None)
    # Uniform over [-1, 1]: deviation 1 / sqrt(3).
    assert mean == pytest.approx([0.0, 0.0], abs=0.2)
    assert deviation == pytest.approx([3**-0.5] * 2, rel=0.2)


def test_checkpoint_without_its_normaliser_is_refused(match: str, run: RunDirectory) -> None:
    config = settings(match, **NORMALISED)
    train_until(config, run, 1)
    checkpoint = Checkpoint.load(run.checkpoint)
    del checkpoint.tensors["normaliser.observations.mean"]
    checkpoint.save(run.checkpoint)
    with pytest.raises(InputRefused, match="normaliser"):
        train(config, run, resume=True)
    with pytest.raises(InputRefused, match="normaliser"):
        Checkpoint.load(run.checkpoint).normaliser()
