"""Runs on images: they learn, their rollouts stay uint8, they resume bit for bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lander_runtime import envs
from lander_runtime.errors import UsageError
from lander_runtime.spec import WrapperSpec
from lander_trainer import Checkpoint, RunDirectory, TrainConfig, prepare, train
from lander_trainer.backends import open_backend
from lander_trainer.plan import check_trainable
from lander_trainer.ppo.distributions import distribution_of
from lander_trainer.ppo.rollout import Collector
from trainer_helpers import equal, settings, tensors, timeless_rows, train_until

STACK = (WrapperSpec("FrameStackObservation", {"stack_size": 2}),)


@pytest.fixture
def stripe(register: Callable[..., str]) -> str:
    """The id of `StripeEnv` with 10 steps an episode, which workers can make too."""
    return register("trainer_environments:StripeEnv", max_episode_steps=10, reward_threshold=9.5)


def learning(env_id: str, **values: Any) -> TrainConfig:
    """15 updates of 16 x 16 steps: a few seconds."""
    plain = {
        "lanes": 16, "rollout_steps": 16, "minibatches": 2, "epochs": 4, "steps": 15 * 256,
        "learning_rate": 0.003, "reward_scale": 1.0, "gamma": 0.0, "entropy_coef": 0.0, "hidden_sizes": (32,),
        "channels": (8, 8), "activation": "relu", "selection_episodes": 8,
    }  # fmt: skip
    return settings(env_id, **(plain | values))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"env_kwargs": {"colours": 3}},
        {"env_wrappers": STACK},
        {"env_kwargs": {"colours": 3}, "env_wrappers": STACK},
        {"env_kwargs": {"continuous": True}, "steps": 30 * 256},
    ],
    ids=["grey", "colours", "grey frames", "frames of colours", "continuous"],
)
def test_policy_learns_from_images(stripe: str, run: RunDirectory, values: dict[str, Any]) -> None:
    result = train(learning(stripe, **values), run)
    assert result.progress.best_score is not None
    assert result.progress.best_score > 9.0  # guessing gives 3.3


def test_rollouts_stay_uint8(stripe: str) -> None:
    spec = envs.resolve(stripe)
    backend = open_backend("gymnasium", spec, 2, 0, 1)
    try:
        distribution = distribution_of(check_trainable(spec)[1])
        collector = Collector(backend, backend.reset(), 4, np.random.default_rng(0), distribution)
        rollout = collector.collect(lambda obs: (np.zeros((len(obs), 3), np.float32), None))
    finally:
        backend.close()
    assert rollout.obs.dtype == np.uint8
    assert rollout.obs.shape == (5, 2, 24, 24)


def test_a_resumed_run_ends_as_one_that_was_not_interrupted(
    stripe: str, run: RunDirectory, another_run: RunDirectory
) -> None:
    config = learning(stripe, steps=4 * 256, env_wrappers=STACK, selection_episodes=2)
    train(config, run)
    train_until(config, another_run, 2)
    train(config, another_run, resume=True)
    assert equal(tensors(run.checkpoint), tensors(another_run.checkpoint))
    assert timeless_rows(run) == timeless_rows(another_run)


def test_wrappers_of_the_settings_are_in_the_checkpoint_and_in_the_settings_that_are_read_back(
    stripe: str, run: RunDirectory
) -> None:
    config = learning(stripe, steps=256, env_wrappers=STACK, selection_episodes=0)
    train(config, run)
    checkpoint = Checkpoint.load(run.checkpoint)
    assert checkpoint.env.wrappers == STACK
    assert checkpoint.config.env_wrappers == STACK
    assert checkpoint.observation.shape == (2, 24, 24)
    assert checkpoint.network().encoder is not None


def test_normalised_images_are_refused_before_anything_starts(stripe: str) -> None:
    with pytest.raises(UsageError, match=r"images.*leave normalize_observations out"):
        prepare(learning(stripe, normalize_observations=True))


def test_images_too_small_for_the_convolutions_are_refused_before_anything_starts(stripe: str) -> None:
    with pytest.raises(UsageError, match=r"12 x 12 pixels.*need 20 x 20; name fewer channels"):
        prepare(learning(stripe, env_kwargs={"side": 12}))
