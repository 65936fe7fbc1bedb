"""The handwritten updates of actor and critic in C++: `kernels` makes a whole pass in one call.

The other way is `numpy_fits.py`, with the same layout of weights and the same state of Adam. Sums have
another order than NumPy's, so the last bits differ.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from lander_trainer.learners.kernels import Network
from lander_trainer.learners.kernels.library import Optimiser
from lander_trainer.learners.layout import ParameterLayout
from lander_trainer.ppo.batch import minibatch_size

Array = NDArray[np.float32]


class CompiledPerceptron:
    """Stands in for `Perceptron` where nothing is learned."""

    def __init__(self, layout: ParameterLayout, values: Array, activation: str) -> None:
        """A network whose weights are `values` `[P]`, now and after each change."""
        self._network = _network(layout, activation)
        self._values = values

    def forward(self, inputs: Array) -> Array:
        """Outputs `[out, B]` for `inputs` `[B, in]`."""
        return self._network.forward(self._values, inputs).T


class CompiledActorLearner(ActorLearner):
    """Trains a categorical or a Gaussian actor."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        super().__init__(layout, config, values)
        self._compiled = _network(layout, config.activation)

    def epoch(
        self,
        obs: Array,
        actions: NDArray[Any],
        old_log_probs: Array,
        advantages: Array,
        learning_rate: float,
    ) -> ActorEpoch:
        config = self.config
        optimiser = _optimiser(self, learning_rate)
        log_probs, entropies, norms, finite = self._compiled.actor_epoch(
            optimiser,
            minibatch_size(config),
            obs,
            actions,
            old_log_probs,
            advantages,
            clip_range=config.clip_range,
            entropy_coef=config.entropy_coef,
        )
        _end(self, optimiser, finite)
        return ActorEpoch(log_probs, entropies, norms)


class CompiledCriticLearner(CriticLearner):
    """Trains a critic."""

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        super().__init__(layout, config, values)
        self._compiled = _network(layout, config.activation)

    def _visit(self, obs: Array, old_values: Array, returns: Array, learning_rate: float) -> CriticEpoch:
        config = self.config
        optimiser = _optimiser(self, learning_rate)
        values, norms, finite = self._compiled.critic_epoch(
            optimiser,
            minibatch_size(config),
            obs,
            old_values,
            returns,
            clip_range=config.clip_range if config.clip_value else None,
            value_coef=config.value_coef,
        )
        _end(self, optimiser, finite)
        return CriticEpoch(values, norms)


def _network(layout: ParameterLayout, activation: str) -> Network:
    matrices = [shape for shape in layout.shapes if len(shape) == 2]
    widths = [matrices[0][1], *(rows for rows, _ in matrices)]
    return Network(widths, activation, gaussian=is_gaussian(layout))


def _optimiser(learner: NetworkLearner, learning_rate: float) -> Optimiser:
    adam, config = learner.adam, learner.config
    return Optimiser(
        *(a.ctypes.data for a in (learner.values, learner.gradient, adam.exp_avg, adam.exp_avg_sq)),
        adam.steps,
        learning_rate,
        config.adam_epsilon,
        config.max_grad_norm,
    )


def _end(learner: NetworkLearner, optimiser: Optimiser, finite: bool) -> None:
    learner.adam.steps = optimiser.steps
    if not finite:
        raise NotFinite(learner.layout.broken(learner.gradient))
