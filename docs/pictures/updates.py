"""One update followed minibatch by minibatch: how far it takes the policy. Draws nothing."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.distributions import Categorical, kl_divergence

from flights import Moment
from lander_trainer.learners.fits import AdamState
from lander_trainer.learners.flat import FlatParameters
from lander_trainer.learners.layout import ParameterLayout
from lander_trainer.learners.numpy_fits import NumpyActorLearner
from lander_trainer.learners.perceptron import Perceptron
from lander_trainer.ppo.batch import epoch_order, minibatch_advantages, minibatch_size
from lander_trainer.ppo.losses import ppo_loss


@dataclass(frozen=True)
class Follow:
    """How far the policy was from the one that acted."""

    divergences: NDArray[np.float64]
    """`[minibatches done + 1]`: true KL(old, new) in nats, mean over the rollout's states, from 0."""
    estimates: NDArray[np.float64]
    """`[epochs]`: `approx_kl` of each epoch, which is what the KL stop looks at."""
    minibatches: int
    """Of one epoch."""

    def stops_after(self, target_kl: float) -> int | None:
        """Minibatches after which a `target_kl` ends the update; None where it never does."""
        exceeded = np.flatnonzero(self.estimates > target_kl)
        return int(exceeded[0] + 1) * self.minibatches if len(exceeded) else None


def follow_updates(moment: Moment, *, clip_range: float, epochs: int) -> Follow:
    """Let the actor of `moment` learn from its rollout for `epochs`, and look after each minibatch."""
    config = replace(moment.config, clip_range=clip_range)
    batch, obs = moment.batch, moment.batch.obs
    parameters = dict(moment.network.actor.named_parameters())
    layout = ParameterLayout(tuple(parameters), tuple(tuple(p.shape) for p in parameters.values()))
    weights = torch.cat([p.detach().flatten() for p in parameters.values()]).numpy()
    fit = NumpyActorLearner(layout, config, weights)
    fit.restore(_adam_of_the_actor(moment, layout.size))
    network = Perceptron(layout.split(weights), [], config.activation)
    acted = Categorical(logits=torch.from_numpy(network.forward(obs).T.copy()))
    rng = np.random.default_rng(config.seed)
    size = minibatch_size(config)
    divergences, estimates = [0.0], []
    for _ in range(epochs):
        rows = batch.rows(epoch_order(len(batch.actions), config, rng))
        advantages = minibatch_advantages(rows.advantages, config)
        log_probs = np.empty_like(rows.old_log_probs)
        for start in range(0, len(log_probs), size):
            part = slice(start, start + size)
            seen = fit.epoch(
                rows.obs[part], rows.actions[part], rows.old_log_probs[part], advantages[part], moment.rate
            )
            log_probs[part] = seen.log_probs
            now = Categorical(logits=torch.from_numpy(network.forward(obs).T.copy()))
            divergences.append(kl_divergence(acted, now).mean().item())
        estimates.append(_approx_kl(log_probs, rows.old_log_probs, clip_range))
    return Follow(np.array(divergences), np.array(estimates), config.minibatches)


def _adam_of_the_actor(moment: Moment, size: int) -> AdamState:
    """What Adam remembers of the actor, whose parameters come first."""
    flat = FlatParameters.of(copy.deepcopy(moment.network))
    steps, means, squares = flat.read_adam_state(moment.learner.state())
    return AdamState(steps, means[:size].numpy(), squares[:size].numpy())


def _approx_kl(
    log_probs: NDArray[np.float32], old_log_probs: NDArray[np.float32], clip_range: float
) -> float:
    nothing = torch.zeros(len(log_probs))
    terms = ppo_loss(
        torch.from_numpy(log_probs),
        nothing,
        nothing,
        old_log_probs=torch.from_numpy(old_log_probs),
        old_values=nothing,
        advantages=nothing,
        returns=nothing,
        clip_range=clip_range,
        value_coef=0.0,
        entropy_coef=0.0,
        clip_value=False,
    )
    return terms.approx_kl.item()
