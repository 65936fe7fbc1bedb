"""The data of an update: the live rows of a rollout with their advantages, and the order of each epoch."""

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
    """`[R, *obs_shape]`."""
    actions: NDArray[Any]
    """`[R]` or `[R, k]`, as in a rollout."""
    old_log_probs: NDArray[np.float32]
    """`[R]`, under the policy that acted."""
    old_values: NDArray[np.float32]
    """`[R]`, of the critic before the update."""
    advantages: NDArray[np.float32]
    """`[R]`, not normalised."""
    returns: NDArray[np.float32]
    """`[R]`, the critic's target."""

    def rows(self, indices: NDArray[np.int64]) -> "Batch":
        """Copies of the rows at `indices`, in their order."""
        # `take` copies whole rows; indexing with brackets copies number by number, many times slower.
        return Batch(
            self.obs.take(indices, axis=0),
            self.actions.take(indices, axis=0),
            self.old_log_probs.take(indices),
            self.old_values.take(indices),
            self.advantages.take(indices),
            self.returns.take(indices),
        )


def make_batch(
    rollout: Rollout, values: NDArray[np.float32], config: TrainConfig, distribution: Distribution
) -> Batch:
    """The live rows of `rollout`, flattened.

    Args:
        rollout: T steps of N lanes.
        values: `[T + 1, N]`, the critic's value of every observation.
        config: discounting and reward scale.
        distribution: over the actions, given the rollout's outputs.
    """
    terminated, truncated = rollout.terminated, rollout.truncated
    if not config.bootstrap_truncations:
        terminated, truncated = terminated | truncated, np.zeros_like(truncated)
    # Normalised rewards have the right size already.
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
    """Rows of every minibatch, rounded up; the same throughout a run."""
    return -(-config.lanes * config.rollout_steps // config.minibatches)


def epoch_order(rows: int, config: TrainConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of the rows in the order that an epoch visits them, `[minibatches * minibatch_size]`.

    Every one of `rows` live rows once, in random order; then the first ones again until all minibatches are
    full. So their size does not depend on the number of dummy rows (under 1% of a rollout on LunarLander):
    minibatches are plain slices, and a GPU can replay one captured update.
    """
    return np.resize(rng.permutation(rows), config.minibatches * minibatch_size(config))


def minibatch_advantages(advantages: NDArray[np.float32], config: TrainConfig) -> NDArray[np.float32]:
    """Advantages in the order of an epoch, each minibatch normalised on its own if the settings say so."""
    if not config.normalize_advantages:
        return advantages
    return normalize(advantages.reshape(config.minibatches, -1)).reshape(-1)
