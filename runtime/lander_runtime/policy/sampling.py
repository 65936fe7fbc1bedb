"""Draws actions from a policy's outputs: pure functions of arrays and a generator.

Sampling is not part of the exported graph, so that the caller controls the randomness.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def sample_categorical(logits: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw one action for each row from softmax(`logits`), `[batch, n]`; returns int64 `[batch]`.

    The Gumbel-max trick (Gumbel 1954; Maddison et al. 2014): argmax of logits plus Gumbel noise.
    """
    noise = generator.gumbel(size=logits.shape)
    return np.argmax(logits + noise, axis=-1)


def greedy_blocks(logits: NDArray[np.floating[Any]], blocks: Sequence[int]) -> NDArray[np.int64]:
    """The largest of each block of logits that stand side by side, such as those of MultiDiscrete actions.

    `logits` are `[batch, n_1 + ... + n_k]` for `blocks` n_1 to n_k; returns int64 `[batch, k]`, and the first
    of equal ones.
    """
    ends = np.cumsum(blocks)[:-1]
    return np.stack([np.argmax(block, axis=-1) for block in np.split(logits, ends, axis=-1)], axis=-1)


def sample_blocks(
    logits: NDArray[np.float32], blocks: Sequence[int], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw from the softmax of each block, independently; arguments and result as of `greedy_blocks`."""
    return greedy_blocks(logits + generator.gumbel(size=logits.shape), blocks)


def sample_gaussian(
    mean: NDArray[np.float32], log_std: NDArray[np.float32], generator: np.random.Generator
) -> NDArray[np.float32]:
    """Draw from a diagonal Gaussian; all arrays are float32 `[batch, *shape]`. Not clipped."""
    return mean + np.exp(log_std) * generator.standard_normal(mean.shape, dtype=np.float32)
