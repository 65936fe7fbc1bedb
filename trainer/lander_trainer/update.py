"""One PPO update: several passes over a rollout in shuffled minibatches."""

from typing import NamedTuple

import torch
from torch import Tensor

from lander_trainer.advantages import compute_gae, compute_returns, explained_variance
from lander_trainer.config import TrainConfig
from lander_trainer.losses import LossTerms, normalize, ppo_loss
from lander_trainer.network import ActorCritic
from lander_trainer.rollout import Rollout
from lander_trainer.schedule import learning_rate


class UpdateStatistics(NamedTuple):
    """Means over the minibatches of one update."""

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clip_fraction: float
    grad_norm: float
    """Euclidean norm of the gradient before it was limited."""
    explained_variance: float
    """Of the critic before the update."""
    learning_rate: float
    epochs: int
    """Passes done; fewer than asked for where the KL stop ended the update."""


class Batch(NamedTuple):
    """The live rows of a rollout, flattened: B rows."""

    obs: Tensor
    actions: Tensor
    old_log_probs: Tensor
    old_values: Tensor
    advantages: Tensor
    returns: Tensor

    def shuffled(self, generator: torch.Generator) -> "Batch":
        """The same rows in a random order, contiguous, so that minibatches are plain slices."""
        order = torch.randperm(len(self.actions), generator=generator, device=self.actions.device)
        return Batch(*(tensor[order] for tensor in self))

    def split(self, parts: int) -> list["Batch"]:
        """`parts` minibatches whose sizes differ by one row at most; fewer where there are fewer rows."""
        parts = min(parts, len(self.actions))
        columns = [tensor.tensor_split(parts) for tensor in self]
        return [Batch(*rows) for rows in zip(*columns, strict=True)]


def make_batch(rollout: Rollout, network: ActorCritic, config: TrainConfig) -> Batch:
    """Values, advantages and log-probabilities of a rollout under the network that acted, live rows only."""
    steps, lanes = rollout.actions.shape
    with torch.no_grad():
        values = network.values(rollout.obs.flatten(0, 1)).view(steps + 1, lanes)
        rewards = rollout.rewards * config.reward_scale
        ends = (rollout.terminated, rollout.truncated)
        if config.gae:
            advantages, returns = compute_gae(
                rewards, values, *ends, gamma=config.gamma, gae_lambda=config.gae_lambda
            )
        else:
            advantages, returns = compute_returns(rewards, values, *ends, gamma=config.gamma)
        live = rollout.live
        obs, actions = rollout.obs[:-1][live], rollout.actions[live]
        log_probs = torch.log_softmax(network.logits(obs), -1).gather(-1, actions[:, None]).squeeze(-1)
    return Batch(obs, actions, log_probs, values[:-1][live], advantages[live], returns[live])


def update(
    network: ActorCritic,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    config: TrainConfig,
    number: int,
    generator: torch.Generator,
) -> UpdateStatistics:
    """Improve `network` in place on one batch.

    Args:
        network: the actor-critic.
        optimizer: over all of its parameters.
        batch: B live rows.
        config: the run's settings.
        number: which update of the run this is, from 0; decides the learning rate.
        generator: shuffles the rows.
    """
    parameters = list(network.parameters())
    sums = torch.zeros(6, device=batch.actions.device)
    minibatches = epochs = 0
    for epoch in range(config.epochs):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, number, epoch)
        epoch_kl = torch.zeros((), device=sums.device)
        parts = batch.shuffled(generator).split(config.minibatches)
        for rows in parts:
            terms = _loss(network, rows, config)
            optimizer.zero_grad(set_to_none=True)
            terms.total.backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
            optimizer.step()
            epoch_kl += terms.approx_kl
            sums += torch.stack([*(term.detach() for term in terms[1:]), norm])
            minibatches += 1
        epochs += 1
        if config.target_kl is not None and float(epoch_kl) / len(parts) > config.target_kl:
            break
    return UpdateStatistics(
        *(sums / minibatches).tolist(),
        explained_variance=explained_variance(batch.old_values, batch.returns),
        learning_rate=learning_rate(config, number),
        epochs=epochs,
    )


def _loss(network: ActorCritic, rows: Batch, config: TrainConfig) -> LossTerms:
    return ppo_loss(
        network.logits(rows.obs),
        network.values(rows.obs),
        actions=rows.actions,
        old_log_probs=rows.old_log_probs,
        old_values=rows.old_values,
        advantages=normalize(rows.advantages) if config.normalize_advantages else rows.advantages,
        returns=rows.returns,
        clip_range=config.clip_range,
        value_coef=config.value_coef,
        entropy_coef=config.entropy_coef,
        clip_value=config.clip_value,
    )
