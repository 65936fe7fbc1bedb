"""Actor and critic, each with its own gradient, norm limit and Adam: they share the rows only.

So they can learn at the same time, the critic in its own process. This file must not load PyTorch.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lander_trainer.config import TrainConfig
from lander_trainer.learners.adam import Adam
from lander_trainer.learners.base import NotFinite
from lander_trainer.learners.layout import ParameterLayout
from lander_trainer.learners.perceptron import Perceptron
from lander_trainer.ppo.batch import epoch_order, minibatch_size
from lander_trainer.ppo.gradients import (
    PolicyGradient,
    gaussian_policy_gradient,
    policy_gradient,
    value_gradient,
)

Array = NDArray[np.float32]


class AdamState(NamedTuple):
    """Adam's state for one network."""

    steps: int
    exp_avg: Array
    """`[P]`."""
    exp_avg_sq: Array
    """`[P]`."""


class NetworkLearner:
    """One network with its gradient and optimiser."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array, extra: int = 0) -> None:
        """Train `values` `[P]` in place; the first `extra` parameters are not those of the perceptron."""
        self.layout = layout
        self.config = config
        self.values = values
        self.gradient = np.zeros_like(values)
        weights, gradients = layout.split(values), layout.split(self.gradient)
        self._network = Perceptron(weights[extra:], gradients[extra:], config.activation)
        self._extra, self._extra_gradients = weights[:extra], gradients[:extra]
        self.adam = Adam(values, config.adam_epsilon)

    def state(self) -> AdamState:
        """A copy of Adam's state."""
        return AdamState(self.adam.steps, self.adam.exp_avg.copy(), self.adam.exp_avg_sq.copy())

    def restore(self, state: AdamState) -> None:
        """Take over what `state` returned."""
        self.adam.steps = state.steps
        self.adam.exp_avg[:] = state.exp_avg
        self.adam.exp_avg_sq[:] = state.exp_avg_sq

    def _minibatches(self, rows: int) -> list[slice]:
        size = minibatch_size(self.config)
        return [slice(start, start + size) for start in range(0, rows, size)]

    def _step(self, learning_rate: float) -> float:
        """Scale the gradient down to `max_grad_norm`, make a step, and return the norm before scaling."""
        norm = math.sqrt(self.gradient @ self.gradient)
        if not math.isfinite(norm):
            raise NotFinite(self.layout.broken(self.gradient))
        limit = self.config.max_grad_norm
        if norm > limit:
            self.gradient *= np.float32(limit / norm)
        self.adam.step(self.gradient, learning_rate)
        return norm


class ActorEpoch(NamedTuple):
    """Results of an epoch of the actor over R rows, in the order of its visits."""

    log_probs: Array
    """`[R]`."""
    entropies: Array
    """`[R]`."""
    norms: Array
    """`[minibatches]`, of the gradient before it was scaled down."""


class ActorLearner(NetworkLearner):
    """Trains a categorical actor."""

    def epoch(
        self,
        obs: Array,
        actions: NDArray[Any],
        old_log_probs: Array,
        advantages: Array,
        learning_rate: float,
    ) -> ActorEpoch:
        """One pass over `obs` `[R, obs_size]`, `actions` `[R]` or `[R, k]`, and the others `[R]`."""
        log_probs, entropies = np.empty((2, len(obs)), np.float32)
        norms: list[float] = []
        for part in self._minibatches(len(obs)):
            outputs = self._network.forward(obs[part])
            policy = self._differentiate(outputs, actions[part], old_log_probs[part], advantages[part])
            log_probs[part], entropies[part] = policy.log_probs, policy.entropies
            self._network.backward(obs[part], policy.outputs)
            norms.append(self._step(learning_rate))
        return ActorEpoch(log_probs, entropies, np.array(norms, np.float32))

    def _differentiate(
        self, outputs: Array, actions: NDArray[Any], old_log_probs: Array, advantages: Array
    ) -> PolicyGradient:
        return policy_gradient(
            outputs,
            actions=actions,
            old_log_probs=old_log_probs,
            advantages=advantages,
            clip_range=self.config.clip_range,
            entropy_coef=self.config.entropy_coef,
        )


class GaussianActorLearner(ActorLearner):
    """Trains a Gaussian actor; `actor_log_std` is the first of its parameters."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        super().__init__(layout, config, values, extra=1)

    def _differentiate(
        self, outputs: Array, actions: NDArray[Any], old_log_probs: Array, advantages: Array
    ) -> PolicyGradient:
        policy, self._extra_gradients[0][:] = gaussian_policy_gradient(
            outputs,
            self._extra[0],
            actions=actions,
            old_log_probs=old_log_probs,
            advantages=advantages,
            clip_range=self.config.clip_range,
            entropy_coef=self.config.entropy_coef,
        )
        return policy


class CriticEpoch(NamedTuple):
    """Results of an epoch of the critic over R rows, in the order of its visits."""

    values: Array
    """`[R]`."""
    norms: Array
    """`[minibatches]`."""


class CriticLearner(NetworkLearner):
    """Trains a critic."""

    def begin(
        self, values: Array, obs: Array, old_values: Array, returns: Array, rng: np.random.Generator
    ) -> None:
        """Start an update from weights `values` `[P]` on `obs` `[R, obs_size]` and, `[R]` each, the others.

        `rng` draws the order of each epoch; the caller must not use it afterwards.
        """
        self.values[:] = values
        self._rows = (obs, old_values, returns)
        self._rng = rng

    def epoch(self, learning_rate: float) -> CriticEpoch:
        """One pass over the rows, minibatch after minibatch, in the next order of the generator."""
        order = epoch_order(len(self._rows[0]), self.config, self._rng)
        # `take` for speed, as in `Batch.rows`.
        obs, old_values, returns = (array.take(order, axis=0) for array in self._rows)
        return self._visit(obs, old_values, returns, learning_rate)

    def weights(self) -> Array:
        """The current weights `[P]`."""
        return self.values

    def _visit(self, obs: Array, old_values: Array, returns: Array, learning_rate: float) -> CriticEpoch:
        """`epoch`, of rows in the order of their visits."""
        config = self.config
        values = np.empty(len(obs), np.float32)
        norms: list[float] = []
        with np.errstate(all="ignore"):  # `_step` checks the gradient and says more than a warning.
            for part in self._minibatches(len(obs)):
                values[part] = self._network.forward(obs[part])[0]
                gradient = value_gradient(
                    values[part],
                    old_values=old_values[part],
                    returns=returns[part],
                    clip_range=config.clip_range if config.clip_value else None,
                    value_coef=config.value_coef,
                )
                self._network.backward(obs[part], gradient[None])
                norms.append(self._step(learning_rate))
        return CriticEpoch(values, np.array(norms, np.float32))


def open_critic(layout: ParameterLayout, config: TrainConfig) -> CriticLearner:
    """A critic in a worker process; `begin` brings its weights."""
    # For the life of the process: matrix products round differently with another number of threads.
    threadpool_limits(config.threads, user_api="blas")
    return CriticLearner(layout, config, np.zeros(layout.size, np.float32))
