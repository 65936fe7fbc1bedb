"""The derivatives of `losses.ppo_loss`, worked out by hand, in NumPy: pure functions of arrays.

A test compares them with autograd. Names and symbols are those of `losses.py`; outputs of networks are
transposed, `[n, B]`, as `Perceptron.forward` returns them. All arrays are float32.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lander_trainer.ppo.distributions import HALF_LOG_TWO_PI

Array = NDArray[np.float32]


class PolicyGradient(NamedTuple):
    """The result of `policy_gradient` for B rows."""

    outputs: Array
    """Derivative of policy loss minus entropy bonus with respect to logits `[n, B]` or means `[k, B]`."""
    log_probs: Array
    """`[B]`: log-probabilities of the actions under the new policy."""
    entropies: Array
    """`[B]`, in nats."""


def policy_gradient(
    logits: Array,
    *,
    actions: NDArray[np.int64],
    old_log_probs: Array,
    advantages: Array,
    clip_range: float,
    entropy_coef: float,
) -> PolicyGradient:
    """Derivative of policy loss minus entropy bonus with respect to the logits.

    With p = softmax(z) and r = p_a / p_old, the loss of a row is -min(r A, clip(r) A) - c2 H(p), and

        d(-r A)/dz_j = -r A (1[j = a] - p_j)        where the minimum is the unclipped side, else 0
        dH/dz_j      = -p_j (log p_j + H)

    Args:
        logits: z `[n, B]`.
        actions: a, int64 `[B]`.
        old_log_probs: log p_old `[B]`.
        advantages: A `[B]`.
        clip_range: epsilon.
        entropy_coef: c2.
    """
    rows = logits.shape[1]
    # Index of z_a in the flattened [n, B]: NumPy is much faster with one index than with a pair.
    chosen = actions * rows + np.arange(rows)
    all_log_probs = np.subtract(logits, logits.max(axis=0), order="C")
    all_log_probs -= np.log(np.exp(all_log_probs).sum(axis=0))
    probs = np.exp(all_log_probs)
    entropies = -(probs * all_log_probs).sum(axis=0)
    log_probs = all_log_probs.take(chosen)
    slopes = _surrogate_slopes(log_probs, old_log_probs, advantages, clip_range)
    gradient = all_log_probs  # Reuses the array: the log-probabilities are not needed below.
    gradient += entropies
    gradient *= np.float32(entropy_coef / rows)
    gradient -= slopes
    gradient *= probs
    gradient.reshape(-1)[chosen] += slopes
    return PolicyGradient(gradient, log_probs, entropies)


def gaussian_policy_gradient(
    mean: Array,
    log_std: Array,
    *,
    actions: Array,
    old_log_probs: Array,
    advantages: Array,
    clip_range: float,
    entropy_coef: float,
) -> tuple[PolicyGradient, Array]:
    """The same for a diagonal Gaussian, with respect to `mean` `[k, B]` and `log_std` `[k]`.

    With z = (a - mean) / std, the log-density is -sum(z^2 / 2 + log std) + constant, and

        d log p / d mean = z / std      d log p / d log std = z^2 - 1      dH / d log std = 1

    Args are those of `policy_gradient`, but `actions` are `[B, k]`.

    Returns:
        The gradient for the means, and that for `log_std` `[k]`.
    """
    scale: Array = np.exp(-log_std)[:, None]
    z: Array = (actions.T - mean) * scale
    log_probs = -(np.float32(0.5) * z * z + log_std[:, None] + np.float32(HALF_LOG_TWO_PI)).sum(axis=0)
    slopes = _surrogate_slopes(log_probs, old_log_probs, advantages, clip_range)
    entropies = np.full_like(log_probs, (log_std + np.float32(0.5 + HALF_LOG_TWO_PI)).sum())
    return (
        PolicyGradient(slopes * z * scale, log_probs, entropies),
        (slopes * (z * z - 1)).sum(axis=1) - np.float32(entropy_coef),
    )


def _surrogate_slopes(log_probs: Array, old_log_probs: Array, advantages: Array, clip_range: float) -> Array:
    """Derivative of the clipped surrogate with respect to the log-probabilities `[B]`.

    It is -r A / B, since dr / d log p = r; and 0 where the minimum is the clipped side, which is constant.
    """
    ratios = np.exp(log_probs - old_log_probs)
    unclipped = np.where(advantages > 0.0, ratios <= 1.0 + clip_range, ratios >= 1.0 - clip_range)
    ratios *= advantages
    ratios *= unclipped
    ratios /= np.float32(-len(log_probs))
    return ratios


def value_gradient(
    values: Array, *, old_values: Array, returns: Array, clip_range: float | None, value_coef: float
) -> Array:
    """Derivative of `value_coef` times the value loss with respect to the values; all arrays are `[B]`.

    `clip_range` is None where values are not clipped.
    """
    errors = values - returns
    if clip_range is not None:
        changes = values - old_values
        clipped_errors = old_values + np.clip(changes, -clip_range, clip_range) - returns
        clipped_slopes = clipped_errors * (np.abs(changes) <= clip_range)
        errors = np.where(np.abs(clipped_errors) > np.abs(errors), clipped_slopes, errors)
    return errors * np.float32(value_coef / len(values))
