"""What a policy's outputs mean: a distribution over actions, for acting and for what follows from it.

    space       outputs of a row                 an action in a rollout
    Discrete    logits [n]                       int64 []
    Box         mean [k], then log std [k]       float32 [k], k numbers, however the space is shaped

In NumPy, and this file must not load PyTorch; what learners differentiate is in `losses.py` and
`gradients.py`. Another kind of action is one class here, one function in each of those, one graph to export.
"""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.spec import Space, filled_bounds

Array = NDArray[np.float32]

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class Distribution(Protocol):
    """One kind of action; p is the number of outputs of a row, and `...` any leading axes."""

    size: int
    """Numbers that the actor's last layer gives: n logits or k means."""

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """What `draw` needs for outputs of `shape` `[..., p]`, drawn in one go."""
        ...

    def draw(self, outputs: Array, noise: Array) -> NDArray[Any]:
        """Actions drawn from `outputs` `[..., p]`."""
        ...

    def log_probs(self, outputs: Array, actions: NDArray[Any]) -> Array:
        """Log-probabilities (Box: log-densities) `[R]` of actions `[R, ...]` under `outputs` `[R, p]`."""
        ...

    def greedy(self, outputs: Array) -> NDArray[Any]:
        """The likeliest actions under `outputs` `[..., p]`, as the environment takes them."""
        ...

    def for_environment(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Drawn actions as the environment takes them."""
        ...


class Categorical:
    """One of n actions, softmax(logits)."""

    def __init__(self, n: int) -> None:
        self.size = n

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Standard Gumbel noise, -log of an exponential draw."""
        draws = rng.standard_exponential(shape, dtype=np.float32)
        # The draw may be 0 once in 2^24; the smallest normal number keeps its logarithm finite.
        np.maximum(draws, np.finfo(np.float32).tiny, out=draws)
        return np.negative(np.log(draws, out=draws), out=draws)

    def draw(self, outputs: Array, noise: Array) -> NDArray[np.int64]:
        # Gumbel-max: the argmax of logits plus Gumbel noise is a draw from their softmax.
        return np.argmax(outputs + noise, axis=-1)

    def log_probs(self, outputs: Array, actions: NDArray[Any]) -> Array:
        shifted = outputs - outputs.max(axis=-1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return log_softmax[np.arange(len(actions)), actions]

    def greedy(self, outputs: Array) -> NDArray[np.int64]:
        return outputs.argmax(-1)

    def for_environment(self, actions: NDArray[Any]) -> NDArray[Any]:
        return actions


class Gaussian:
    """k numbers, each with a mean that depends on the observation and a deviation that does not.

    In the environment's own units: CleanRL and Stable-Baselines3 do not rescale either, and the settings
    published for the usual environments are for that.
    """

    def __init__(self, action: Space) -> None:
        self.size = math.prod(action.shape)
        self._shape = action.shape
        with np.errstate(over="ignore"):
            self._low, self._high = (bound.astype(np.float32) for bound in filled_bounds(action))

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.standard_normal((*shape[:-1], self.size), dtype=np.float32)

    def draw(self, outputs: Array, noise: Array) -> Array:
        mean, log_std = self._split(outputs)
        return mean + np.exp(log_std) * noise

    def log_probs(self, outputs: Array, actions: NDArray[Any]) -> Array:
        mean, log_std = self._split(outputs)
        z = (actions - mean) * np.exp(-log_std)
        return -(np.float32(0.5) * z * z + log_std + np.float32(HALF_LOG_TWO_PI)).sum(axis=-1)

    def greedy(self, outputs: Array) -> NDArray[Any]:
        return self.for_environment(self._split(outputs)[0])

    def for_environment(self, actions: NDArray[Any]) -> NDArray[Any]:
        # Clipped here and not in the rollout: what was drawn is what has a density under the Gaussian, and
        # to the learner the clipping is a part of the environment (as in CleanRL and Stable-Baselines3).
        return np.clip(actions.reshape(*actions.shape[:-1], *self._shape), self._low, self._high)

    def _split(self, outputs: Array) -> tuple[Array, Array]:
        return outputs[..., : self.size], outputs[..., self.size :]


def distribution_of(action: Space) -> Distribution:
    """The distribution over the actions of a space, a Discrete or a Box."""
    return Gaussian(action) if action.n is None else Categorical(action.n)
