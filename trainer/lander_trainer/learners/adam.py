"""Adam on one vector, in NumPy (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1).

    m <- beta1 m + (1 - beta1) g            v <- beta2 v + (1 - beta2) g^2
    values <- values - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)

Works in place and in one scratch array: at these sizes a new array costs about as much as a product.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_BETA1, _BETA2 = 0.9, 0.999
_KEPT1, _NEW1, _KEPT2, _NEW2 = (np.float32(x) for x in (_BETA1, 1.0 - _BETA1, _BETA2, 1.0 - _BETA2))


class Adam:
    """Adam with beta1 = 0.9 and beta2 = 0.999, PyTorch's defaults."""

    def __init__(self, values: Array, epsilon: float) -> None:
        """Optimise `values` `[P]` in place; `epsilon` is added outside the square root, as in PyTorch."""
        self._values = values
        self._epsilon = np.float32(epsilon)
        self.exp_avg = np.zeros_like(values)
        """First moment, m."""
        self.exp_avg_sq = np.zeros_like(values)
        """Second moment, v."""
        self.steps = 0
        self._scratch = np.empty_like(values)

    def step(self, gradient: Array, learning_rate: float) -> None:
        """One step against `gradient` `[P]`."""
        self.steps += 1
        mean, square, scratch = self.exp_avg, self.exp_avg_sq, self._scratch
        mean *= _KEPT1
        np.multiply(gradient, _NEW1, out=scratch)
        mean += scratch
        square *= _KEPT2
        np.multiply(gradient, gradient, out=scratch)
        scratch *= _NEW2
        square += scratch
        np.sqrt(square, out=scratch)
        scratch *= np.float32((1.0 - _BETA2**self.steps) ** -0.5)
        scratch += self._epsilon
        np.divide(mean, scratch, out=scratch)
        scratch *= np.float32(learning_rate / (1.0 - _BETA1**self.steps))
        self._values -= scratch
