"""The PPO loss: pure functions of tensors.

Equation numbers are those of Schulman et al. 2017, arXiv:1707.06347. B is the number of rows of a minibatch.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lander_trainer.ppo.distributions import HALF_LOG_TWO_PI


class LossTerms(NamedTuple):
    """The parts of the loss, all scalars."""

    total: Tensor
    """policy + value_coef * value - entropy_coef * entropy [eq. 9, negated]: what is minimised."""
    policy: Tensor
    """`clipped_surrogate`."""
    value: Tensor
    """`value_loss`."""
    entropy: Tensor
    """Mean entropy of the policy, in nats."""
    approx_kl: Tensor
    """Estimate of KL(acting policy || new policy), in nats; has no gradient."""
    clip_fraction: Tensor
    """Share of rows whose ratio is outside the clip range, in [0, 1]; has no gradient."""


def ppo_loss(
    log_probs: Tensor,
    entropies: Tensor,
    values: Tensor,
    *,
    old_log_probs: Tensor,
    old_values: Tensor,
    advantages: Tensor,
    returns: Tensor,
    clip_range: float,
    value_coef: float,
    entropy_coef: float,
    clip_value: bool,
) -> LossTerms:
    """The PPO loss of one minibatch [eq. 9]; all tensors are float32 `[B]`.

    Args:
        log_probs: log-probabilities of the actions under the new policy, the one that learns.
        entropies: of the new policy, in nats.
        values: of the new critic.
        old_log_probs: log-probabilities of the actions under the policy that acted.
        old_values: of the critic before the update.
        advantages: normalised or not.
        returns: the critic's target.
        clip_range: epsilon in [eq. 7].
        value_coef: c1 in [eq. 9].
        entropy_coef: c2 in [eq. 9].
        clip_value: clip the change of the value to `clip_range` too.
    """
    log_ratios = log_probs - old_log_probs
    ratios = log_ratios.exp()
    policy = clipped_surrogate(ratios, advantages, clip_range)
    value = value_loss(values, old_values, returns, clip_range if clip_value else None)
    entropy = entropies.mean()
    with torch.no_grad():
        # The k3 estimator (Schulman 2020, "Approximating KL Divergence"): unbiased, never negative.
        approx_kl = (ratios - 1.0 - log_ratios).mean()
        clip_fraction = ((ratios - 1.0).abs() > clip_range).float().mean()
    total = policy + value_coef * value - entropy_coef * entropy
    return LossTerms(total, policy, value, entropy, approx_kl, clip_fraction)


def categorical(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities and entropies (in nats), `[B]` each, of softmax(`logits`).

    `logits` are `[B, n]`, `actions` int64 `[B]`.
    """
    all_log_probs = torch.log_softmax(logits, dim=-1)
    log_probs = all_log_probs.gather(-1, actions[:, None]).squeeze(-1)
    return log_probs, -(all_log_probs.exp() * all_log_probs).sum(-1)


def multi_categorical(nvec: Sequence[int]) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The same for a product of categoricals, one block of `nvec` logits after another.

    The function takes logits `[B, n_1 + ... + n_k]` and actions int64 `[B, k]`. The choices are independent,
    so their log-probabilities and entropies add up.
    """

    def product(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        columns = zip(logits.split(list(nvec), dim=-1), actions.unbind(-1), strict=True)
        parts = [categorical(block, chosen) for block, chosen in columns]
        log_probs, entropies = zip(*parts, strict=True)
        return torch.stack(log_probs).sum(0), torch.stack(entropies).sum(0)

    return product


def gaussian(outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Log-densities and differential entropies (in nats), `[B]` each, of a diagonal Gaussian.

    `outputs` `[B, 2k]` holds the means, then the log standard deviations; `actions` are `[B, k]`. For each of
    the k components, whose sums these are, with z = (a - mean) / std:

        log p = -z^2 / 2 - log std - log(2 pi) / 2      H = log std + (1 + log(2 pi)) / 2
    """
    mean, log_std = outputs.chunk(2, dim=-1)
    z = (actions - mean) * torch.exp(-log_std)
    log_probs = -(0.5 * z.square() + log_std + HALF_LOG_TWO_PI).sum(-1)
    return log_probs, (log_std + (0.5 + HALF_LOG_TWO_PI)).sum(-1)


def clipped_surrogate(ratios: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """-mean(min(r A, clip(r, 1 - eps, 1 + eps) A)) [eq. 7], negated because it is minimised.

    The minimum makes it a pessimistic bound. A ratio outside the range has no gradient if it moved in the
    direction that the advantage favours; if it moved the other way, its gradient pulls it back.

    Args:
        ratios: r `[B]`, new probability over old probability of each action.
        advantages: A `[B]`.
        clip_range: eps.
    """
    clipped = ratios.clamp(1.0 - clip_range, 1.0 + clip_range)
    return -torch.minimum(ratios * advantages, clipped * advantages).mean()


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip_range: float | None) -> Tensor:
    """Half the mean squared error between `values` `[B]` and `returns` `[B]`.

    With a `clip_range`, each row counts the larger of two squared errors: that of its value, and that of its
    value clipped to `clip_range` around the old one (Engstrom et al. 2020, arXiv:2005.12729, section 3).
    """
    errors = (values - returns).square()
    if clip_range is not None:
        clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
        errors = torch.maximum(errors, (clipped - returns).square())
    return 0.5 * errors.mean()
