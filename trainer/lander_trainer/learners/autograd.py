"""PPO updates in PyTorch: any network, on the CPU or a CUDA device.

On CUDA one update is one captured graph (all epochs, all minibatches), replayed with one launch: at these
sizes a kernel runs for less time than Python needs to launch it. So the sequence of operations may not depend
on values: shapes are fixed, the learning rates are tensors, and the KL stop is a mask.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lander_trainer.config import TrainConfig
from lander_trainer.learners.base import LearningStatistics, NotFinite, UpdateStatistics, check_finite
from lander_trainer.learners.flat import FlatParameters
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.networks.encoder import as_planes, channels_last
from lander_trainer.ppo.advantages import explained_variance
from lander_trainer.ppo.batch import Batch, epoch_order, make_batch, minibatch_advantages, minibatch_size
from lander_trainer.ppo.distributions import Distribution, Gaussian, MultiCategorical
from lander_trainer.ppo.losses import categorical, gaussian, multi_categorical, ppo_loss
from lander_trainer.ppo.rollout import Rollout
from lander_trainer.ppo.schedule import epoch_rates

_ROWS = 256
"""Observations whose values are computed at once: a network's layers need far more memory than its input."""


class AutogradLearner:
    """PPO for any actor-critic."""

    def __init__(self, network: ActorCritic, config: TrainConfig) -> None:
        self.network = network
        self._config = config
        self._flat = FlatParameters.of(network)
        self._device = self._flat.values.device
        parameter = nn.Parameter(self._flat.values)
        parameter.grad = self._flat.gradients
        self._parameter = parameter
        self._optimizer = torch.optim.Adam(
            [parameter],
            # A tensor, so that a captured graph reads each update's own.
            lr=torch.tensor(config.learning_rate, device=self._device),
            eps=config.adam_epsilon,
            fused=True,
            capturable=self._device.type == "cuda",
        )
        self._norm_groups = _norm_groups(network)
        self._log_probs_and_entropies = _log_probs_and_entropies(network.distribution)
        """(outputs, actions) -> log-probabilities and entropies."""
        self._stopped = torch.zeros((), device=self._device)
        """1 once nothing may change any more: after the KL stop, or a gradient that is not finite."""
        # While this is 1, fused Adam leaves weights and moments unchanged. It was made for mixed precision,
        # and a stop inside a captured graph needs exactly this.
        self._optimizer.found_inf = self._stopped  # pyright: ignore[reportAttributeAccessIssue]
        self._sums = torch.zeros(len(LearningStatistics._fields) + 1, device=self._device)
        """Sums of the statistics over the minibatches before a stop; last, the number of minibatches."""
        self._broken = torch.zeros_like(self._flat.gradients)
        """The first gradient that was not finite."""
        self._images: Tensor | None = None
        """uint8 `[T + 1, N, height, width, channels]`; reused, since allocating takes as long as copying."""
        self._inputs: _Inputs | None = None
        self._graph: torch.cuda.CUDAGraph | None = None

    def forward(self, obs: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        rows = torch.from_numpy(obs).to(self._device)
        with torch.inference_mode():
            if self.network.encoder is None:
                return self.network.outputs(rows).cpu().numpy(), None
            outputs, values = self.network(rows)
            return outputs.cpu().numpy(), values.cpu().numpy()

    def update(self, rollout: Rollout, learning_rate: float, rng: np.random.Generator) -> UpdateStatistics:
        config = self._config
        check_finite(observations=rollout.obs, rewards=rollout.rewards)
        values = self._values(rollout.obs) if rollout.values is None else rollout.values
        check_finite(values=values)
        # Checks below name what is not finite; NumPy's warnings would say less.
        with np.errstate(all="ignore"):
            reordered = replace(rollout, obs=self._reordered(rollout.obs))
            batch = make_batch(reordered, values, config, self.network.distribution)
        if self._inputs is None:
            self._inputs = _Inputs.empty(config, batch, self._device)
        self._inputs.load(batch, config, learning_rate, rng)
        self._sums.zero_()
        self._stopped.zero_()
        self._broken.zero_()
        if self._device.type == "cuda":
            self._graph = self._graph or self._capture(self._inputs)
            self._graph.replay()
        else:
            self._all_epochs(self._inputs)
        *sums, minibatches = self._sums.tolist()
        if not np.isfinite(sums).all() and self._broken.any():
            raise NotFinite(self._flat.layout.broken(self._broken))
        check_finite(**LearningStatistics(*sums)._asdict())
        return UpdateStatistics(
            LearningStatistics(*(total / minibatches for total in sums)),
            explained_variance=explained_variance(batch.old_values, batch.returns),
            learning_rate=learning_rate,
            epochs=round(minibatches / config.minibatches),
        )

    def state(self) -> dict[str, Tensor]:
        state = self._optimizer.state.get(self._parameter)
        if not state:
            zeros = torch.zeros_like(self._flat.values)
            return self._flat.adam_state(0, zeros, zeros)
        return self._flat.adam_state(float(state["step"]), state["exp_avg"], state["exp_avg_sq"])

    def restore(self, state: dict[str, Tensor]) -> None:
        steps, exp_avg, exp_avg_sq = self._flat.read_adam_state(state)
        self._optimizer.state[self._parameter] = {
            "step": torch.tensor(float(steps), device=self._device),
            "exp_avg": exp_avg.to(self._device),
            "exp_avg_sq": exp_avg_sq.to(self._device),
        }
        # A captured graph would still write to the tensors that these replace.
        self._graph = None

    def close(self) -> None:
        pass

    def _reordered(self, obs: NDArray[Any]) -> NDArray[Any]:
        """Observations `[T + 1, N, *obs_shape]`, images with their channels last.

        The next call overwrites the images.
        """
        if self.network.encoder is None:
            return obs
        steps = torch.from_numpy(obs)
        first = channels_last(steps[0])
        shape = (*obs.shape[:2], *first.shape[1:])
        if steps.is_contiguous() and first.is_contiguous():  # Most environments draw with channels last.
            return obs.reshape(shape)
        if self._images is None or self._images.shape != shape:
            self._images = torch.empty(shape, dtype=torch.uint8)
        # One step at a time stays in the cache, which takes half as long as all at once.
        for target, images in zip(self._images, steps, strict=True):
            target.copy_(channels_last(images))
        return self._images.numpy()

    def _network_input(self, rows: Tensor) -> Tensor:
        """Rows of `_reordered` as the network takes them."""
        return rows if self.network.encoder is None else as_planes(rows)

    def _values(self, obs: NDArray[Any]) -> NDArray[np.float32]:
        """The critic's values `[T + 1, N]` of observations `[T + 1, N, *obs_shape]`."""
        with torch.inference_mode():
            rows = torch.from_numpy(obs.reshape(-1, *obs.shape[2:])).split(_ROWS)
            values = torch.cat([self.network.values(part.to(self._device)).cpu() for part in rows])
        return values.numpy().reshape(obs.shape[:2])

    def _capture(self, inputs: "_Inputs") -> torch.cuda.CUDAGraph:
        """Record an update without doing it. CUDA needs a warm-up first; what that changed is restored."""
        weights, optimizer = self._flat.values.clone(), self.state()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._all_epochs(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self._flat.values.copy_(weights)
        self.restore(optimizer)
        for tensor in (self._sums, self._stopped, self._broken):
            tensor.zero_()
        graph = torch.cuda.CUDAGraph()
        # In the stream of the warm-up: autograd accumulates gradients in the stream that it used first.
        with torch.cuda.graph(graph, stream=stream):
            self._all_epochs(inputs)
        return graph

    def _all_epochs(self, inputs: "_Inputs") -> None:
        config = self._config
        for epoch in range(config.epochs):
            self._optimizer.param_groups[0]["lr"].copy_(inputs.learning_rates[epoch])
            kl = torch.zeros_like(self._stopped)
            for minibatch in range(config.minibatches):
                kl += self._minibatch(inputs, epoch, minibatch)
            if config.target_kl is not None:
                exceeded = (kl / config.minibatches > config.target_kl).float()
                self._stopped.copy_(torch.maximum(self._stopped, exceeded))

    def _minibatch(self, inputs: "_Inputs", epoch: int, minibatch: int) -> Tensor:
        """One step of the optimiser; returns the approximate KL divergence before it."""
        config, size = self._config, minibatch_size(self._config)
        part = slice(minibatch * size, (minibatch + 1) * size)
        rows = inputs.orders[epoch, part]
        # `index_select` copies whole rows; indexing with brackets copies number by number.
        outputs, values = self.network(self._network_input(inputs.obs.index_select(0, rows)))
        log_probs, entropies = self._log_probs_and_entropies(outputs, inputs.actions[rows])
        terms = ppo_loss(
            log_probs,
            entropies,
            values,
            old_log_probs=inputs.old_log_probs[rows],
            old_values=inputs.old_values[rows],
            advantages=inputs.advantages[epoch, part],
            returns=inputs.returns[rows],
            clip_range=config.clip_range,
            value_coef=config.value_coef,
            entropy_coef=config.entropy_coef,
            clip_value=config.clip_value,
        )
        gradient = self._flat.gradients
        gradient.zero_()
        terms.total.backward()
        norm = gradient.norm()
        with torch.no_grad():
            counts = 1.0 - self._stopped
            breaks = ~torch.isfinite(norm) & (counts > 0.0)
            self._broken.copy_(torch.where(breaks, gradient, self._broken))
            self._stopped.copy_(torch.maximum(self._stopped, (~torch.isfinite(norm)).float()))
            for group in gradient.split(self._norm_groups):
                group.mul_((config.max_grad_norm / (group.norm() + 1e-6)).clamp(max=1.0))
            self._optimizer.step()
            statistics = torch.stack([*(term.detach() for term in terms[1:]), norm, torch.ones_like(norm)])
            self._sums += torch.where(counts > 0.0, statistics, 0.0)
        return terms.approx_kl


def _log_probs_and_entropies(
    distribution: Distribution,
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    if isinstance(distribution, MultiCategorical):
        return multi_categorical(distribution.nvec)
    return gaussian if isinstance(distribution, Gaussian) else categorical


def _norm_groups(network: ActorCritic) -> list[int]:
    """Sizes of the groups of parameters, in their order, whose gradients are scaled down together.

    Actor and critic are a group each, unless they share parameters.
    """
    parameters = {name: parameter.numel() for name, parameter in network.named_parameters()}
    total = sum(parameters.values())
    if network.is_shared:
        return [total]
    actor = sum(count for name, count in parameters.items() if name.startswith("actor"))
    return [actor, total - actor]


@dataclass(frozen=True)
class _Inputs:
    """The data of one update, at fixed addresses: R rows of a rollout, and the orders of K epochs.

    R' is the number of rows that an epoch visits (`epoch_order`).
    """

    obs: Tensor
    actions: Tensor
    old_log_probs: Tensor
    old_values: Tensor
    returns: Tensor
    orders: Tensor
    """int64 `[K, R']`, indices of the rows that each epoch visits."""
    advantages: Tensor
    """`[K, R']`, in the order of each epoch."""
    learning_rates: Tensor
    """`[K]`."""

    @classmethod
    def empty(cls, config: TrainConfig, like: Batch, device: torch.device) -> "_Inputs":
        """Zeros for the largest batch that `config` allows, with the types of `like`."""
        rows, visits = config.lanes * config.rollout_steps, config.minibatches * minibatch_size(config)

        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        return cls(
            obs=zeros(rows, *like.obs.shape[1:], dtype=torch.from_numpy(like.obs).dtype),
            actions=zeros(rows, *like.actions.shape[1:], dtype=torch.from_numpy(like.actions).dtype),
            old_log_probs=zeros(rows),
            old_values=zeros(rows),
            returns=zeros(rows),
            orders=zeros(config.epochs, visits, dtype=torch.int64),
            advantages=zeros(config.epochs, visits),
            learning_rates=zeros(config.epochs),
        )

    def load(self, batch: Batch, config: TrainConfig, learning_rate: float, rng: np.random.Generator) -> None:
        """Copy `batch` in and draw new orders; rows beyond those of the batch are never visited."""
        rows = len(batch.actions)
        for name in ("obs", "actions", "old_log_probs", "old_values", "returns"):
            getattr(self, name)[:rows].copy_(torch.from_numpy(getattr(batch, name)))
        orders = np.stack([epoch_order(rows, config, rng) for _ in range(config.epochs)])
        advantages = np.stack([minibatch_advantages(batch.advantages[order], config) for order in orders])
        self.orders.copy_(torch.from_numpy(orders))
        self.advantages.copy_(torch.from_numpy(advantages))
        self.learning_rates.copy_(torch.tensor(epoch_rates(config, learning_rate)))
