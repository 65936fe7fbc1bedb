"""PPO updates in NumPy with gradients by hand: the quickest way on a CPU for networks of this size.

The same arithmetic as `autograd.py`, which reads as the papers do and to which a test holds this file;
three times quicker, because no graph is built and every intermediate result has its buffer.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lander_trainer.advantages import explained_variance
from lander_trainer.batch import Batch, epoch_order, make_batch, minibatch_advantages, minibatch_size
from lander_trainer.config import TrainConfig
from lander_trainer.gradients import policy_gradient, value_gradient
from lander_trainer.learners.adam import Adam
from lander_trainer.learners.base import NotFinite, UpdateStatistics, check_finite
from lander_trainer.learners.flat import FlatParameters
from lander_trainer.learners.perceptron import Perceptron
from lander_trainer.losses import ppo_loss
from lander_trainer.network import ActorCritic
from lander_trainer.rollout import Rollout


class HandwrittenLearner:
    """PPO for a categorical actor and a critic that are multilayer perceptrons."""

    name = "handwritten"

    def __init__(self, network: ActorCritic, config: TrainConfig) -> None:
        self.network = network
        self._config = config
        self._flat = FlatParameters.of(network)
        self._values, self._gradient = self._flat.values.numpy(), self._flat.gradients.numpy()
        self._adam = Adam(self._values, config.adam_epsilon)
        self._actor, self._critic = self._perceptron("actor"), self._perceptron("critic")

    def logits(self, obs: NDArray[Any]) -> NDArray[np.float32]:
        return self._actor.forward(_float(obs)).T

    def update(self, rollout: Rollout, learning_rate: float, rng: np.random.Generator) -> UpdateStatistics:
        config = self._config
        check_finite(observations=rollout.obs, rewards=rollout.rewards)
        # What leaves the range of numbers is looked for by name; NumPy's warnings would say less.
        with np.errstate(all="ignore"):
            values = self._evaluate(rollout.obs)
            check_finite(values=values)
            batch = make_batch(rollout, values, config)
            passes: list[_Pass] = []
            for epoch in range(config.epochs):
                rows = batch.rows(epoch_order(len(batch.actions), config, rng))
                passes.append(self._pass_over(rows, learning_rate * config.epoch_decay**epoch))
                check_finite(**passes[-1]._asdict())
                if config.target_kl is not None and passes[-1].approx_kl > config.target_kl:
                    break
        return UpdateStatistics(
            *np.mean(passes, axis=0).tolist(),
            explained_variance=explained_variance(batch.old_values, batch.returns),
            learning_rate=learning_rate,
            epochs=len(passes),
        )

    def state(self) -> dict[str, Tensor]:
        adam = self._adam
        return self._flat.adam_state(
            adam.steps, torch.from_numpy(adam.exp_avg), torch.from_numpy(adam.exp_avg_sq)
        )

    def restore(self, state: dict[str, Tensor]) -> None:
        self._adam.steps, mean, square = self._flat.read_adam_state(state)
        self._adam.exp_avg[:] = mean.numpy()
        self._adam.exp_avg_sq[:] = square.numpy()

    def _perceptron(self, name: str) -> Perceptron:
        chosen = [n.startswith(f"{name}.") for n in self._flat.names]
        weights, gradients = (
            [part.numpy() for part, take in zip(self._flat.split(vector), chosen, strict=True) if take]
            for vector in (self._flat.values, self._flat.gradients)
        )
        return Perceptron(weights, gradients, self._config.activation)

    def _evaluate(self, obs: NDArray[Any]) -> NDArray[np.float32]:
        """Values `[T + 1, N]` of observations `[T + 1, N, obs_size]`, a minibatch's worth at a time."""
        rows, size = _float(obs.reshape(-1, obs.shape[-1])), minibatch_size(self._config)
        parts = [self._critic.forward(rows[start : start + size])[0] for start in range(0, len(rows), size)]
        return np.concatenate(parts).reshape(obs.shape[:2])

    def _pass_over(self, rows: Batch, learning_rate: float) -> "_Pass":
        """One epoch."""
        config, size = self._config, minibatch_size(self._config)
        obs, advantages = _float(rows.obs), minibatch_advantages(rows.advantages, config)
        log_probs, entropies, values = np.empty((3, len(obs)), np.float32)
        norms: list[float] = []
        for start in range(0, len(obs), size):
            part = slice(start, start + size)
            inputs = obs[part]
            policy = policy_gradient(
                self._actor.forward(inputs),
                actions=rows.actions[part],
                old_log_probs=rows.old_log_probs[part],
                advantages=advantages[part],
                clip_range=config.clip_range,
                entropy_coef=config.entropy_coef,
            )
            log_probs[part], entropies[part] = policy.log_probs, policy.entropies
            self._actor.backward(inputs, policy.logits)
            values[part] = self._critic.forward(inputs)[0]
            value_slopes = value_gradient(
                values[part],
                old_values=rows.old_values[part],
                returns=rows.returns[part],
                clip_range=config.clip_range if config.clip_value else None,
                value_coef=config.value_coef,
            )
            self._critic.backward(inputs, value_slopes[None])
            norms.append(self._step(learning_rate))
        terms = ppo_loss(
            *(torch.from_numpy(a) for a in (log_probs, entropies, values)),
            old_log_probs=torch.from_numpy(rows.old_log_probs),
            old_values=torch.from_numpy(rows.old_values),
            advantages=torch.from_numpy(advantages),
            returns=torch.from_numpy(rows.returns),
            clip_range=config.clip_range,
            value_coef=config.value_coef,
            entropy_coef=config.entropy_coef,
            clip_value=config.clip_value,
        )
        return _Pass(*(float(term) for term in terms[1:]), grad_norm=float(np.mean(norms)))

    def _step(self, learning_rate: float) -> float:
        """Limit the gradient's norm, step, and give the norm as it was."""
        norm = math.sqrt(self._gradient @ self._gradient)
        if not math.isfinite(norm):
            raise NotFinite(self._flat.broken(self._flat.gradients))
        limit = self._config.max_grad_norm
        if norm > limit:
            self._gradient *= np.float32(limit / norm)
        self._adam.step(self._gradient, learning_rate)
        return norm


class _Pass(NamedTuple):
    """Means over the rows or minibatches of one epoch."""

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clip_fraction: float
    grad_norm: float


def _float(array: NDArray[Any]) -> NDArray[np.float32]:
    return array.astype(np.float32, copy=False)
