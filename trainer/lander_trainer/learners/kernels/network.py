"""A network of the compiled library, called with NumPy's arrays."""

import ctypes
import math
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_trainer.learners.kernels.library import Epoch, Optimiser, load

Array = NDArray[np.float32]

ACTIVATIONS = {"tanh": 0, "relu": 1}
"""`learner::Activation` of src/perceptron.hpp."""


class Network:
    """A multilayer perceptron that computes outputs and makes passes of PPO; for one thread at a time.

    It keeps no weights: they are in the arrays of the caller, P numbers in the order of `ParameterLayout`.
    """

    def __init__(self, widths: Sequence[int], activation: str, *, gaussian: bool = False) -> None:
        """A network with `widths` inputs, hidden units and outputs.

        Args:
            widths: of the inputs, the hidden layers and the outputs.
            activation: one of `ACTIVATIONS`.
            gaussian: the outputs are means, and log standard deviations come first among the parameters.

        Raises:
            LearnerUnavailable: see there.
            MemoryError: there is not enough memory.
        """
        self._library = load()
        self._outputs = widths[-1]
        handle = self._library.learner_create(
            len(widths) - 1, np.array(widths, np.int32).ctypes.data, ACTIVATIONS[activation], gaussian
        )
        if not handle:
            raise MemoryError("A network of the compiled learner could not be made.")
        self._handle = handle
        weakref.finalize(self, self._library.learner_destroy, handle)

    def forward(self, values: Array, obs: Array) -> Array:
        """Outputs `[B, out]` of the weights `values` `[P]` for `obs` `[B, in]`."""
        (obs,) = _contiguous(obs)
        outputs = np.empty((len(obs), self._outputs), np.float32)
        self._library.learner_forward(
            self._handle, values.ctypes.data, len(obs), obs.ctypes.data, outputs.ctypes.data
        )
        return outputs

    def actor_epoch(
        self,
        optimiser: Optimiser,
        minibatch: int,
        obs: Array,
        actions: NDArray[Any],
        old_log_probs: Array,
        advantages: Array,
        *,
        clip_range: float,
        entropy_coef: float,
    ) -> tuple[Array, Array, Array, bool]:
        """One pass of an actor over R rows, `minibatch` after `minibatch`, each with a step of Adam.

        Args:
            optimiser: the arrays that it changes, and the numbers of its steps.
            minibatch: rows of each step.
            obs: `[R, in]`.
            actions: int64 `[R]`, or float32 `[R, k]` of a Gaussian actor.
            old_log_probs: `[R]`.
            advantages: `[R]`.
            clip_range: epsilon.
            entropy_coef: c2.

        Returns:
            Log-probabilities `[R]` and entropies `[R]` at each row's visit; the gradients' norms; and whether
            all of them are finite. At the first that is not the pass ends.
        """
        kind = np.float32 if actions.dtype.kind == "f" else np.int64
        actions = np.ascontiguousarray(actions, kind)
        obs, old_log_probs, advantages = _contiguous(obs, old_log_probs, advantages)
        log_probs, entropies = np.empty((2, len(obs)), np.float32)
        epoch, norms = _epoch(minibatch, obs)
        failed = self._library.learner_actor_epoch(
            self._handle,
            ctypes.byref(optimiser),
            ctypes.byref(epoch),
            actions.ctypes.data,
            old_log_probs.ctypes.data,
            advantages.ctypes.data,
            clip_range,
            entropy_coef,
            log_probs.ctypes.data,
            entropies.ctypes.data,
        )
        return log_probs, entropies, norms, failed < 0

    def critic_epoch(
        self,
        optimiser: Optimiser,
        minibatch: int,
        obs: Array,
        old_values: Array,
        returns: Array,
        *,
        clip_range: float | None,
        value_coef: float,
    ) -> tuple[Array, Array, bool]:
        """The same for a critic: `old_values` and `returns` are `[R]`; `clip_range` is None without clipping.

        Returns:
            Values `[R]` at each row's visit; the gradients' norms; and whether all of them are finite.
        """
        obs, old_values, returns = _contiguous(obs, old_values, returns)
        values = np.empty(len(obs), np.float32)
        epoch, norms = _epoch(minibatch, obs)
        failed = self._library.learner_critic_epoch(
            self._handle,
            ctypes.byref(optimiser),
            ctypes.byref(epoch),
            old_values.ctypes.data,
            returns.ctypes.data,
            math.inf if clip_range is None else clip_range,
            value_coef,
            values.ctypes.data,
        )
        return values, norms, failed < 0


def _contiguous(*arrays: Array) -> list[Array]:
    return [np.ascontiguousarray(array, np.float32) for array in arrays]


def _epoch(minibatch: int, obs: Array) -> tuple[Epoch, Array]:
    """The struct for rows `obs`, which must outlive it, and the norms that it points to."""
    norms = np.zeros(-(-len(obs) // minibatch), np.float32)
    return Epoch(len(obs), minibatch, obs.ctypes.data, norms.ctypes.data), norms
