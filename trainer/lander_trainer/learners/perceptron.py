"""A multilayer perceptron in NumPy, forward and backward by hand.

It computes where `kernels` is not compiled, and is what that is tested against.

With networks this small, PyTorch's autograd spends more time between the matrix products than in them, and
its tanh is six times slower than NumPy's: 256 rows through 8-64-64-4 and back take 0.4 ms there and 0.15 ms
here. `np.dot` and not `matmul`, which needs half a microsecond more to call the same routine.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Activation(NamedTuple):
    """A nonlinearity whose derivative can be computed from its value."""

    apply: Callable[[Array], object]
    """(sums `[B, width]`): replaces them by their activations, in place."""
    differentiate: Callable[[Array, Array, Array], object]
    """(gradients, activations, scratch), `[B, width]` each: multiplies the gradients, in place, by the
    derivative at the activations."""


def _differentiate_tanh(gradient: Array, activation: Array, scratch: Array) -> None:
    np.multiply(activation, activation, out=scratch)
    np.subtract(np.float32(1.0), scratch, out=scratch)
    np.multiply(gradient, scratch, out=gradient)


def _differentiate_relu(gradient: Array, activation: Array, scratch: Array) -> None:
    np.multiply(gradient, activation > 0.0, out=gradient)


HANDWRITTEN_ACTIVATIONS = {
    "tanh": Activation(lambda sums: np.tanh(sums, out=sums), _differentiate_tanh),
    "relu": Activation(lambda sums: np.maximum(sums, np.float32(0.0), out=sums), _differentiate_relu),
}
"""The activations that this file can differentiate; names as in `networks.layers.ACTIVATIONS`."""


class Perceptron:
    """Linear layers with an activation between each two, on weights that the caller owns."""

    def __init__(self, weights: Sequence[Array], gradients: Sequence[Array], activation: str) -> None:
        """Work on the caller's arrays, without copies.

        Args:
            weights: `[out, in]` and `[out]` of every layer in turn, as `nn.Linear` stores them.
            gradients: arrays of the same shapes, which `backward` fills; empty if it is never called.
            activation: a key of `HANDWRITTEN_ACTIVATIONS`.
        """
        self._matrices, self._biases = weights[0::2], weights[1::2]
        self._matrix_gradients, self._bias_gradients = gradients[0::2], gradients[1::2]
        self._activation = HANDWRITTEN_ACTIVATIONS[activation]
        self._make_room(1)

    def _make_room(self, rows: int) -> None:
        """Allocate buffers for up to `rows` rows: new arrays in each call cost as much as the products."""
        widths = [len(bias) for bias in self._biases[:-1]]
        self._hidden, self._hidden_gradients, self._scratch = (
            [np.empty((rows, width), np.float32) for width in widths] for _ in range(3)
        )
        self._ones = np.ones(rows, np.float32)

    def forward(self, inputs: Array) -> Array:
        """Outputs `[out, B]` for `inputs` `[B, in]`, which must stay unchanged until `backward`.

        Transposed, because the loss reduces over few outputs, and NumPy is fast only along a long last axis.
        """
        rows, values = len(inputs), inputs
        if rows > len(self._ones):
            self._make_room(rows)
        for matrix, bias, buffer in zip(self._matrices, self._biases, self._hidden, strict=False):
            values = np.dot(values, matrix.T, out=buffer[:rows])
            values += bias
            self._activation.apply(values)
        outputs = np.dot(self._matrices[-1], values.T)
        outputs += self._biases[-1][:, None]
        return outputs

    def backward(self, inputs: Array, gradient: Array) -> None:
        """Write the gradients of all weights, given that of the last `forward`'s outputs, `[out, B]`."""
        rows = len(inputs)
        ones = self._ones[:rows]
        signal = gradient.T
        for layer in range(len(self._matrices) - 1, -1, -1):
            below = self._hidden[layer - 1][:rows] if layer else inputs
            np.dot(signal.T, below, out=self._matrix_gradients[layer])
            np.dot(ones, signal, out=self._bias_gradients[layer])
            if layer:
                lower = self._hidden_gradients[layer - 1][:rows]
                np.dot(signal, self._matrices[layer], out=lower)
                self._activation.differentiate(lower, below, self._scratch[layer - 1][:rows])
                signal = lower
