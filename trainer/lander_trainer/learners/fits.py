"""The actor and the critic, each with its own gradient, limit and Adam: they share nothing but the rows.

So they can learn at the same time, the critic in a process of its own. This file must not load PyTorch.
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
    """What Adam remembers of one network."""

    steps: int
    exp_avg: Array
    """`[P]`."""
    exp_avg_sq: Array
    """`[P]`."""


class _Fit:
    """One network that learns."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array, own: int = 0) -> None:
        """Improve `values` `[P]` in place; the first `own` parameters are not the perceptron's."""
        self._layout = layout
        self._config = config
        self._values = values
        self._gradient = np.zeros_like(values)
        weights, gradients = layout.split(values), layout.split(self._gradient)
        self._network = Perceptron(weights[own:], gradients[own:], config.activation)
        self._own, self._own_gradients = weights[:own], gradients[:own]
        self._adam = Adam(values, config.adam_epsilon)

    def state(self) -> AdamState:
        """Copies of what Adam remembers."""
        return AdamState(self._adam.steps, self._adam.exp_avg.copy(), self._adam.exp_avg_sq.copy())

    def restore(self, state: AdamState) -> None:
        """Put back what `state` gave."""
        self._adam.steps = state.steps
        self._adam.exp_avg[:] = state.exp_avg
        self._adam.exp_avg_sq[:] = state.exp_avg_sq

    def _minibatches(self, rows: int) -> list[slice]:
        size = minibatch_size(self._config)
        return [slice(start, start + size) for start in range(0, rows, size)]

    def _step(self, learning_rate: float) -> float:
        """Limit the gradient's norm, step, and give the norm as it was."""
        norm = math.sqrt(self._gradient @ self._gradient)
        if not math.isfinite(norm):
            raise NotFinite(self._layout.broken(self._gradient))
        limit = self._config.max_grad_norm
        if norm > limit:
            self._gradient *= np.float32(limit / norm)
        self._adam.step(self._gradient, learning_rate)
        return norm


class ActorPass(NamedTuple):
    """An epoch of the actor over R rows, in the order of its visits."""

    log_probs: Array
    """`[R]`."""
    entropies: Array
    """`[R]`."""
    norms: Array
    """`[minibatches]`, of the gradient before it was limited."""


class ActorFit(_Fit):
    """A categorical actor that learns."""

    def epoch(
        self,
        obs: Array,
        actions: NDArray[Any],
        old_log_probs: Array,
        advantages: Array,
        learning_rate: float,
    ) -> ActorPass:
        """One pass over `obs` `[R, obs_size]` and, `[R]` or `[R, k]` each, the rest, by minibatches."""
        log_probs, entropies = np.empty((2, len(obs)), np.float32)
        norms: list[float] = []
        for part in self._minibatches(len(obs)):
            outputs = self._network.forward(obs[part])
            policy = self._differentiate(outputs, actions[part], old_log_probs[part], advantages[part])
            log_probs[part], entropies[part] = policy.log_probs, policy.entropies
            self._network.backward(obs[part], policy.outputs)
            norms.append(self._step(learning_rate))
        return ActorPass(log_probs, entropies, np.array(norms, np.float32))

    def _differentiate(
        self, outputs: Array, actions: NDArray[Any], old_log_probs: Array, advantages: Array
    ) -> PolicyGradient:
        return policy_gradient(
            outputs,
            actions=actions,
            old_log_probs=old_log_probs,
            advantages=advantages,
            clip_range=self._config.clip_range,
            entropy_coef=self._config.entropy_coef,
        )


class GaussianActorFit(ActorFit):
    """A Gaussian actor that learns; `actor_log_std` is the first of its parameters."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        super().__init__(layout, config, values, own=1)

    def _differentiate(
        self, outputs: Array, actions: NDArray[Any], old_log_probs: Array, advantages: Array
    ) -> PolicyGradient:
        policy, self._own_gradients[0][:] = gaussian_policy_gradient(
            outputs,
            self._own[0],
            actions=actions,
            old_log_probs=old_log_probs,
            advantages=advantages,
            clip_range=self._config.clip_range,
            entropy_coef=self._config.entropy_coef,
        )
        return policy


class CriticPass(NamedTuple):
    """An epoch of the critic over R rows, in the order of its visits."""

    values: Array
    """`[R]`."""
    norms: Array
    """`[minibatches]`."""


class CriticFit(_Fit):
    """A critic that learns."""

    def begin(
        self, values: Array, obs: Array, old_values: Array, returns: Array, rng: np.random.Generator
    ) -> None:
        """Start an update from weights `values` `[P]` on `obs` `[R, obs_size]` and, `[R]` each, the rest.

        `rng`, from now on the critic's alone, draws the order of each epoch.
        """
        self._values[:] = values
        self._rows = (obs, old_values, returns)
        self._rng = rng

    def epoch(self, learning_rate: float) -> CriticPass:
        """One pass over the rows, minibatch after minibatch, in the next order of the generator."""
        config = self._config
        order = epoch_order(len(self._rows[0]), config, self._rng)
        # As in `Batch.rows`.
        obs, old_values, returns = (array.take(order, axis=0) for array in self._rows)
        values = np.empty(len(order), np.float32)
        norms: list[float] = []
        with np.errstate(all="ignore"):  # What is no number is looked for by name.
            for part in self._minibatches(len(order)):
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
        return CriticPass(values, np.array(norms, np.float32))

    def weights(self) -> Array:
        """The weights `[P]` as they are."""
        return self._values


def open_critic(layout: ParameterLayout, config: TrainConfig) -> CriticFit:
    """A critic in a process of its own; its weights come with `begin`."""
    # For as long as the process lives; products round differently with another number of threads.
    threadpool_limits(config.threads, user_api="blas")
    return CriticFit(layout, config, np.zeros(layout.size, np.float32))
