"""Draws actions from a policy's outputs: pure functions of arrays and a generator.

Sampling is not part of the exported graph, so that the caller controls the randomness.
"""

import numpy as np
from numpy.typing import NDArray


def sample_categorical(logits: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw one action for each row from softmax(`logits`), `[batch, n]`; returns int64 `[batch]`.

    The Gumbel-max trick (Gumbel 1954; Maddison et al. 2014): argmax of logits plus Gumbel noise.
    """
    noise = generator.gumbel(size=logits.shape)
    return np.argmax(logits + noise, axis=-1)


def sample_gaussian(
    mean: NDArray[np.float32], log_std: NDArray[np.float32], generator: np.random.Generator
) -> NDArray[np.float32]:
    """Draw from a diagonal Gaussian; all arrays are float32 `[batch, *shape]`. Not clipped."""
    return mean + np.exp(log_std) * generator.standard_normal(mean.shape, dtype=np.float32)
