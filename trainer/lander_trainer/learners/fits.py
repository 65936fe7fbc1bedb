"""One network with its gradient and its Adam, for handwritten updates: actor and critic share the rows only.

So they can learn at the same time. Who computes the gradients, NumPy or compiled kernels, is in
`numpy_fits.py` and `compiled.py`. This file must not load PyTorch.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lander_trainer.config import TrainConfig
from lander_trainer.learners.adam import Adam
from lander_trainer.learners.layout import ParameterLayout
from lander_trainer.ppo.batch import epoch_order

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

    def __init__(self, layout: ParameterLayout, config: TrainConfig, values: Array) -> None:
        """Train `values` `[P]` in place."""
        self.layout = layout
        self.config = config
        self.values = values
        self.gradient = np.zeros_like(values)
        self.adam = Adam(values, config.adam_epsilon)

    def state(self) -> AdamState:
        """A copy of Adam's state."""
        return AdamState(self.adam.steps, self.adam.exp_avg.copy(), self.adam.exp_avg_sq.copy())

    def restore(self, state: AdamState) -> None:
        """Take over what `state` returned."""
        self.adam.steps = state.steps
        self.adam.exp_avg[:] = state.exp_avg
        self.adam.exp_avg_sq[:] = state.exp_avg_sq


class ActorEpoch(NamedTuple):
    """Results of an epoch of the actor over R rows, in the order of its visits."""

    log_probs: Array
    """`[R]`."""
    entropies: Array
    """`[R]`."""
    norms: Array
    """`[minibatches]`, of the gradient before it was scaled down."""


class ActorLearner(NetworkLearner, ABC):
    """Trains an actor."""

    @abstractmethod
    def epoch(
        self,
        obs: Array,
        actions: NDArray[Any],
        old_log_probs: Array,
        advantages: Array,
        learning_rate: float,
    ) -> ActorEpoch:
        """One pass over `obs` `[R, obs_size]`, `actions` `[R]` or `[R, k]`, and the others `[R]`.

        Raises:
            NotFinite: a gradient has a NaN or an infinity.
        """


class CriticEpoch(NamedTuple):
    """Results of an epoch of the critic over R rows, in the order of its visits."""

    values: Array
    """`[R]`."""
    norms: Array
    """`[minibatches]`."""


class CriticLearner(NetworkLearner, ABC):
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
        """One pass over the rows, minibatch after minibatch, in the next order of the generator.

        Raises:
            NotFinite: a gradient has a NaN or an infinity.
        """
        order = epoch_order(len(self._rows[0]), self.config, self._rng)
        # `take` for speed, as in `Batch.rows`.
        obs, old_values, returns = (array.take(order, axis=0) for array in self._rows)
        return self._visit(obs, old_values, returns, learning_rate)

    def weights(self) -> Array:
        """The current weights `[P]`."""
        return self.values

    @abstractmethod
    def _visit(self, obs: Array, old_values: Array, returns: Array, learning_rate: float) -> CriticEpoch:
        """`epoch`, of rows in the order of their visits."""


def is_gaussian(layout: ParameterLayout) -> bool:
    """Whether this is a Gaussian actor: its first parameter, `actor_log_std`, is none of the layers'."""
    return layout.names[0] == "actor_log_std"
