"""The PPO loss: pure functions of arrays. Schulman et al. 2017, arXiv:1707.06347, equations 7 and 9."""

from typing import NamedTuple

import torch
from torch import Tensor

from lander_trainer.ppo.distributions import HALF_LOG_TWO_PI


class LossTerms(NamedTuple):
    """What `ppo_loss` gives; all scalars."""

    total: Tensor
    """policy + value_coef * value - entropy_coef * entropy: what is minimised."""
    policy: Tensor
    value: Tensor
    entropy: Tensor
    """Mean entropy of the policy in nats."""
    approx_kl: Tensor
    """Estimate of KL(acting policy || new policy) in nats, without a gradient."""
    clip_fraction: Tensor
    """Share of rows whose ratio left the clip range, without a gradient."""


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
    """Clipped surrogate, value and entropy terms of one minibatch of B rows; all arrays are `[B]`.

    Args:
        log_probs: log-probability of the actions that were done, under the policy that learns.
        entropies: of the policy that learns, in nats.
        values: of the critic that learns.
        old_log_probs: log-probability of the actions under the policy that acted.
        old_values: the critic's values at acting time.
        advantages: normalised or not.
        returns: the critic's target.
        clip_range: epsilon.
        value_coef: c1.
        entropy_coef: c2.
        clip_value: limit the value's change to `clip_range` as well.
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
    """Log-probabilities of int64 `actions` `[B]` and entropies, `[B]` each, of softmax(`logits` `[B, n]`)."""
    all_log_probs = torch.log_softmax(logits, dim=-1)
    log_probs = all_log_probs.gather(-1, actions[:, None]).squeeze(-1)
    return log_probs, -(all_log_probs.exp() * all_log_probs).sum(-1)


def gaussian(outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Log-densities of `actions` `[B, k]` and differential entropies, `[B]` each, of a diagonal Gaussian.

    `outputs` `[B, 2k]` holds the means, then the logarithms of the deviations.
    """
    mean, log_std = outputs.chunk(2, dim=-1)
    z = (actions - mean) * torch.exp(-log_std)
    log_probs = -(0.5 * z.square() + log_std + HALF_LOG_TWO_PI).sum(-1)
    return log_probs, (log_std + (0.5 + HALF_LOG_TWO_PI)).sum(-1)


def clipped_surrogate(ratios: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
    """-mean(min(r A, clip(r, 1 - eps, 1 + eps) A)) over `[B]`: [eq. 7], negated to be minimised.

    The minimum makes it a pessimistic bound: a ratio that left the range in the direction that the
    advantage rewards gets no gradient, one that left it in the wrong direction keeps its own.
    """
    clipped = ratios.clamp(1.0 - clip_range, 1.0 + clip_range)
    return -torch.minimum(ratios * advantages, clipped * advantages).mean()


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip_range: float | None) -> Tensor:
    """Half the mean squared error of `values` `[B]` to `returns` `[B]`.

    With a `clip_range`, the larger of that and the error of the value held within `clip_range` of
    the old one (Engstrom et al. 2020, section 3).
    """
    errors = (values - returns).square()
    if clip_range is not None:
        held = old_values + (values - old_values).clamp(-clip_range, clip_range)
        errors = torch.maximum(errors, (held - returns).square())
    return 0.5 * errors.mean()
