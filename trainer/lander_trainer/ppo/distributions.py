"""What a policy's outputs mean: a distribution over actions.

    space          outputs of a row              an action in a rollout
    Discrete       logits [n]                    int64 []
    MultiDiscrete  logits [n_1 + ... + n_k]      int64 [k]
    Box            mean [k], then log std [k]    float32 [k], the space's k numbers as a vector

In NumPy: worker processes import this file and must not load PyTorch. The functions that learners
differentiate are in `losses.py` and `gradients.py`. A new kind of action needs a class here, a function in
each of those two, and a graph to export.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.spec import Space, filled_bounds

Array = NDArray[np.float32]

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class Distribution(Protocol):
    """One kind of action; p is the number of outputs of a row, and `...` any leading axes."""

    size: int
    """Outputs of the actor's last layer: all logits, or k means."""

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Noise `[..., size]` for `sample`, for outputs of `shape` `[..., p]`; one call a rollout."""
        ...

    def sample(self, outputs: Array, noise: Array) -> NDArray[Any]:
        """Actions sampled from `outputs` `[..., p]` with `noise` `[..., size]`, as a rollout stores them."""
        ...

    def log_probs(self, outputs: Array, actions: NDArray[Any]) -> Array:
        """Log-probabilities (Box: densities) `[R]` of actions `[R]` or `[R, k]` under `outputs` `[R, p]`."""
        ...

    def greedy(self, outputs: Array) -> NDArray[Any]:
        """The most likely actions under `outputs` `[..., p]`, as the environment takes them."""
        ...

    def for_environment(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Sampled actions as the environment takes them."""
        ...


class Categorical:
    """One of n actions, softmax(logits)."""

    def __init__(self, n: int) -> None:
        self.size = n

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Standard Gumbel noise: minus the logarithm of an exponential sample."""
        samples = rng.standard_exponential(shape, dtype=np.float32)
        # A sample is 0 about once in 2^24; the smallest normal number keeps its logarithm finite.
        np.maximum(samples, np.finfo(np.float32).tiny, out=samples)
        return np.negative(np.log(samples, out=samples), out=samples)

    def sample(self, outputs: Array, noise: Array) -> NDArray[np.int64]:
        # Gumbel-max trick: the argmax of logits plus Gumbel noise is a sample of their softmax.
        return np.argmax(outputs + noise, axis=-1)

    def log_probs(self, outputs: Array, actions: NDArray[Any]) -> Array:
        shifted = outputs - outputs.max(axis=-1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return log_softmax[np.arange(len(actions)), actions]

    def greedy(self, outputs: Array) -> NDArray[np.int64]:
        # The first of equal logits, as TopK does in the exported graph.
        return outputs.argmax(-1)

    def for_environment(self, actions: NDArray[Any]) -> NDArray[Any]:
        return actions


class MultiCategorical:
    """k independent choices, each with a block of logits of its own: a product of categoricals."""

    def __init__(self, nvec: Sequence[int]) -> None:
        self.size = sum(nvec)
        self.nvec = tuple(nvec)
        self._parts = [Categorical(n) for n in nvec]
        self._ends = np.cumsum(nvec)[:-1]

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self._parts[0].noise(shape, rng)

    def sample(self, outputs: Array, noise: Array) -> NDArray[np.int64]:
        return self.greedy(outputs + noise)

    def log_probs(self, outputs: Array, actions: NDArray[Any]) -> Array:
        columns = zip(self._parts, self._blocks(outputs), actions.T, strict=True)
        return np.sum([part.log_probs(block, chosen) for part, block, chosen in columns], axis=0)

    def greedy(self, outputs: Array) -> NDArray[np.int64]:
        return np.stack([block.argmax(-1) for block in self._blocks(outputs)], axis=-1)

    def for_environment(self, actions: NDArray[Any]) -> NDArray[Any]:
        return actions

    def _blocks(self, outputs: Array) -> list[Array]:
        return np.split(outputs, self._ends, axis=-1)


class Gaussian:
    """k independent numbers; each mean depends on the observation, each standard deviation does not.

    In the environment's own units: CleanRL and Stable-Baselines3 do not rescale actions either, and settings
    published for the usual environments assume this.
    """

    def __init__(self, action: Space) -> None:
        self.size = math.prod(action.shape)
        self._shape = action.shape
        with np.errstate(over="ignore"):
            self._low, self._high = (bound.astype(np.float32) for bound in filled_bounds(action))

    def noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.standard_normal((*shape[:-1], self.size), dtype=np.float32)

    def sample(self, outputs: Array, noise: Array) -> Array:
        mean, log_std = self._split(outputs)
        return mean + np.exp(log_std) * noise

    def log_probs(self, outputs: Array, actions: NDArray[Any]) -> Array:
        mean, log_std = self._split(outputs)
        z = (actions - mean) * np.exp(-log_std)
        return -(np.float32(0.5) * z * z + log_std + np.float32(HALF_LOG_TWO_PI)).sum(axis=-1)

    def greedy(self, outputs: Array) -> NDArray[Any]:
        return self.for_environment(self._split(outputs)[0])

    def for_environment(self, actions: NDArray[Any]) -> NDArray[Any]:
        # Clipped here and not in the rollout: the Gaussian's density is that of the unclipped sample. For the
        # learner the clipping is a part of the environment (as in CleanRL and Stable-Baselines3).
        return np.clip(actions.reshape(*actions.shape[:-1], *self._shape), self._low, self._high)

    def _split(self, outputs: Array) -> tuple[Array, Array]:
        return outputs[..., : self.size], outputs[..., self.size :]


def distribution_of(action: Space) -> Distribution:
    """The distribution over the actions of a space, as the table above says."""
    if action.nvec:
        return MultiCategorical(action.nvec)
    return Gaussian(action) if action.n is None else Categorical(action.n)
