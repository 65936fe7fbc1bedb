"""What a learner learns from: the live rows of a rollout with their advantages, and the order of visits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_trainer.config import TrainConfig
from lander_trainer.ppo.advantages import compute_gae, compute_returns, normalize
from lander_trainer.ppo.distributions import Distribution
from lander_trainer.ppo.rollout import Rollout


@dataclass(frozen=True)
class Batch:
    """R rows, in the order of the rollout or in the order of an epoch."""

    obs: NDArray[Any]
    actions: NDArray[Any]
    old_log_probs: NDArray[np.float32]
    old_values: NDArray[np.float32]
    advantages: NDArray[np.float32]
    returns: NDArray[np.float32]

    def rows(self, which: NDArray[np.int64]) -> "Batch":
        """Copies of the rows `which` names, in its order."""
        # `take` moves whole rows; an index in brackets goes number by number, many times as long.
        return Batch(
            self.obs.take(which, axis=0),
            self.actions.take(which, axis=0),
            self.old_log_probs.take(which),
            self.old_values.take(which),
            self.advantages.take(which),
            self.returns.take(which),
        )


def make_batch(
    rollout: Rollout, values: NDArray[np.float32], config: TrainConfig, distribution: Distribution
) -> Batch:
    """The live rows of `rollout`, flattened.

    Args:
        rollout: T steps of N lanes.
        values: `[T + 1, N]`, the critic's value of every observation.
        config: discounting and reward scale.
        distribution: what the rollout's outputs mean.
    """
    terminated, truncated = rollout.terminated, rollout.truncated
    if not config.bootstrap_truncations:
        terminated, truncated = terminated | truncated, np.zeros_like(truncated)
    # Rewards that are normalised have their size.
    scale = 1.0 if config.normalize_rewards else config.reward_scale
    rewards = rollout.rewards * np.float32(scale)
    if config.gae:
        advantages, returns = compute_gae(
            rewards, values, terminated, truncated, gamma=config.gamma, gae_lambda=config.gae_lambda
        )
    else:
        advantages, returns = compute_returns(rewards, values, terminated, truncated, gamma=config.gamma)
    live = rollout.live
    actions = rollout.actions[live]
    return Batch(
        rollout.obs[:-1][live],
        actions,
        distribution.log_probs(rollout.outputs[live], actions),
        values[:-1][live],
        advantages[live],
        returns[live],
    )


def minibatch_size(config: TrainConfig) -> int:
    """Rows of every minibatch, the same throughout a run."""
    return -(-config.lanes * config.rollout_steps // config.minibatches)


def epoch_order(rows: int, config: TrainConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which of `rows` live rows an epoch visits, `[minibatches * minibatch_size]`.

    Every row once in random order; then the first ones again, so that all minibatches are full
    however many dummy rows the rollout had (under 1% of it on LunarLander). One size everywhere
    keeps minibatches plain slices and lets a GPU replay one captured update.
    """
    return np.resize(rng.permutation(rows), config.minibatches * minibatch_size(config))


def minibatch_advantages(advantages: NDArray[np.float32], config: TrainConfig) -> NDArray[np.float32]:
    """Advantages of an epoch, each minibatch shifted and scaled on its own where the settings say so."""
    if not config.normalize_advantages:
        return advantages
    return normalize(advantages.reshape(config.minibatches, -1)).reshape(-1)
