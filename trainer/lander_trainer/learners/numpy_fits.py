"""The handwritten updates of actor and critic in NumPy, where `kernels` is not compiled.

The critic can learn in a process of its own: NumPy's many small calls hold Python's lock. This file must not
load PyTorch.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lander_trainer.config import TrainConfig
from lander_trainer.learners.base import NotFinite
from lander_trainer.learners.fits import (
    ActorEpoch,
    ActorLearner,
    CriticEpoch,
    CriticLearner,
    NetworkLearner,
    is_gaussian,
)
from lander_trainer.learners.layout import ParameterLayout
from lander_trainer.learners.perceptron import Perceptron
from lander_trainer.ppo.batch import minibatch_size
from lander_trainer.ppo.gradients import (
    PolicyGradient,
    gaussian_policy_gradient,
    policy_gradient,
    value_gradient,
)

Array = NDArray[np.float32]


class NumpyActorLearner(ActorLearner):
    """Trains a categorical actor."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        super().__init__(layout, config, values)
        self._network = _perceptron(self)

    def epoch(
        self,
        obs: Array,
        actions: NDArray[Any],
        old_log_probs: Array,
        advantages: Array,
        learning_rate: float,
    ) -> ActorEpoch:
        log_probs, entropies = np.empty((2, len(obs)), np.float32)
        norms: list[float] = []
        for part in _minibatches(self.config, len(obs)):
            outputs = self._network.forward(obs[part])
            policy = self._differentiate(outputs, actions[part], old_log_probs[part], advantages[part])
            log_probs[part], entropies[part] = policy.log_probs, policy.entropies
            self._network.backward(obs[part], policy.outputs)
            norms.append(_step(self, learning_rate))
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


class NumpyGaussianActorLearner(NumpyActorLearner):
    """Trains a Gaussian actor; `actor_log_std` is the first of its parameters."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        super().__init__(layout, config, values)
        self._log_std, self._log_std_gradient = (layout.split(a)[0] for a in (values, self.gradient))

    def _differentiate(
        self, outputs: Array, actions: NDArray[Any], old_log_probs: Array, advantages: Array
    ) -> PolicyGradient:
        policy, self._log_std_gradient[:] = gaussian_policy_gradient(
            outputs,
            self._log_std,
            actions=actions,
            old_log_probs=old_log_probs,
            advantages=advantages,
            clip_range=self.config.clip_range,
            entropy_coef=self.config.entropy_coef,
        )
        return policy


class NumpyCriticLearner(CriticLearner):
    """Trains a critic."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        super().__init__(layout, config, values)
        self._network = _perceptron(self)

    def _visit(self, obs: Array, old_values: Array, returns: Array, learning_rate: float) -> CriticEpoch:
        config = self.config
        values = np.empty(len(obs), np.float32)
        norms: list[float] = []
        with np.errstate(all="ignore"):  # `_step` checks the gradient and says more than a warning.
            for part in _minibatches(config, len(obs)):
                values[part] = self._network.forward(obs[part])[0]
                gradient = value_gradient(
                    values[part],
                    old_values=old_values[part],
                    returns=returns[part],
                    clip_range=config.clip_range if config.clip_value else None,
                    value_coef=config.value_coef,
                )
                self._network.backward(obs[part], gradient[None])
                norms.append(_step(self, learning_rate))
        return CriticEpoch(values, np.array(norms, np.float32))


def open_critic(layout: ParameterLayout, config: TrainConfig) -> CriticLearner:
    """A critic in a worker process; `begin` brings its weights."""
    # For the life of the process: matrix products round differently with another number of threads.
    threadpool_limits(config.threads, user_api="blas")
    return NumpyCriticLearner(layout, config, np.zeros(layout.size, np.float32))


def _perceptron(learner: NetworkLearner) -> Perceptron:
    """The layers of `learner`."""
    skipped = int(is_gaussian(learner.layout))
    weights, gradients = (
        learner.layout.split(array)[skipped:] for array in (learner.values, learner.gradient)
    )
    return Perceptron(weights, gradients, learner.config.activation)


def _minibatches(config: TrainConfig, rows: int) -> list[slice]:
    size = minibatch_size(config)
    return [slice(start, start + size) for start in range(0, rows, size)]


def _step(learner: NetworkLearner, learning_rate: float) -> float:
    """Scale the gradient down to `max_grad_norm`, make a step, and return the norm before scaling."""
    norm = math.sqrt(learner.gradient @ learner.gradient)
    if not math.isfinite(norm):
        raise NotFinite(learner.layout.broken(learner.gradient))
    limit = learner.config.max_grad_norm
    if norm > limit:
        learner.gradient *= np.float32(limit / norm)
    learner.adam.step(learner.gradient, learning_rate)
    return norm
