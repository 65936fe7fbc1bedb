"""PPO updates in PyTorch: any network, on the CPU or a CUDA device.

On CUDA one update is one captured graph (all epochs, all minibatches), replayed with one launch: at
these sizes a kernel takes less time than Python takes to ask for it. So nothing in it may depend on
a value: shapes are fixed, the learning rates are tensors, and the KL stop is a mask.
"""

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
from lander_trainer.ppo.distributions import Gaussian
from lander_trainer.ppo.losses import categorical, gaussian, ppo_loss
from lander_trainer.ppo.rollout import Rollout
from lander_trainer.ppo.schedule import epoch_rates

_ROWS = 256
"""Observations whose values are computed at once; the layers of a network give far more than it is given."""


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
        self._sizes = _limited_together(network)
        self._judge = gaussian if isinstance(network.distribution, Gaussian) else categorical
        """(outputs, actions) -> log-probabilities and entropies."""
        self._stopped = torch.zeros((), device=self._device)
        """1 once nothing may change any more: the KL stop, or a gradient that is not finite."""
        # With this set, fused Adam leaves weights and moments alone; made for mixed precision, and just
        # what a stop inside a captured graph needs.
        self._optimizer.found_inf = self._stopped  # pyright: ignore[reportAttributeAccessIssue]
        self._sums = torch.zeros(len(LearningStatistics._fields) + 1, device=self._device)
        """Of the statistics over all minibatches that counted, and last the number of those."""
        self._broken = torch.zeros_like(self._flat.gradients)
        """The first gradient that was not finite."""
        self._images: Tensor | None = None
        """uint8 `[T + 1, N, height, width, channels]`; kept, as fresh memory takes as long as the copying."""
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
        # What leaves the range of numbers is looked for by name; NumPy's warnings would say less.
        with np.errstate(all="ignore"):
            arranged = replace(rollout, obs=self._arranged(rollout.obs))
            batch = make_batch(arranged, values, config, self.network.distribution)
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
        # A captured graph writes to the tensors that these replace.
        self._graph = None

    def close(self) -> None:
        pass

    def _arranged(self, obs: NDArray[Any]) -> NDArray[Any]:
        """Observations `[T + 1, N, *obs_shape]` in the order in which `_seen` wants their rows.

        Images are overwritten by the next call.
        """
        if self.network.encoder is None:
            return obs
        steps = torch.from_numpy(obs)
        first = channels_last(steps[0])
        shape = (*obs.shape[:2], *first.shape[1:])
        if steps.is_contiguous() and first.is_contiguous():  # As environments draw, with the colours last.
            return obs.reshape(shape)
        if self._images is None or self._images.shape != shape:
            self._images = torch.empty(shape, dtype=torch.uint8)
        # A step at a time stays in the cache, which takes half as long as all at once.
        for room, images in zip(self._images, steps, strict=True):
            room.copy_(channels_last(images))
        return self._images.numpy()

    def _seen(self, rows: Tensor) -> Tensor:
        """Rows of `_arranged` as the network takes them."""
        return rows if self.network.encoder is None else as_planes(rows)

    def _values(self, obs: NDArray[Any]) -> NDArray[np.float32]:
        """The critic's values `[T + 1, N]` of observations `[T + 1, N, *obs_shape]`."""
        with torch.inference_mode():
            rows = torch.from_numpy(obs.reshape(-1, *obs.shape[2:])).split(_ROWS)
            values = torch.cat([self.network.values(part.to(self._device)).cpu() for part in rows])
        return values.numpy().reshape(obs.shape[:2])

    def _capture(self, inputs: "_Inputs") -> torch.cuda.CUDAGraph:
        """Record an update without doing it; what the warm-up that CUDA asks for changed is put back."""
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
        # In the stream of the warm-up: autograd adds gradients up in the one where it first saw them.
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
        """One step of the optimiser; gives the approximate KL divergence before it."""
        config, size = self._config, minibatch_size(self._config)
        part = slice(minibatch * size, (minibatch + 1) * size)
        rows = inputs.orders[epoch, part]
        # Whole rows at a time; an index in brackets copies number by number.
        outputs, values = self.network(self._seen(inputs.obs.index_select(0, rows)))
        log_probs, entropies = self._judge(outputs, inputs.actions[rows])
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
            for its in gradient.split(self._sizes):
                its.mul_((config.max_grad_norm / (its.norm() + 1e-6)).clamp(max=1.0))
            self._optimizer.step()
            statistics = torch.stack([*(term.detach() for term in terms[1:]), norm, torch.ones_like(norm)])
            self._sums += torch.where(counts > 0.0, statistics, 0.0)
        return terms.approx_kl


def _limited_together(network: ActorCritic) -> list[int]:
    """How many parameters, in their order, share one limit of the gradient's norm.

    The actor's and the critic's each have their own, unless an encoder learns from both.
    """
    parameters = {name: parameter.numel() for name, parameter in network.named_parameters()}
    total = sum(parameters.values())
    if network.encoder is not None:
        return [total]
    actor = sum(count for name, count in parameters.items() if name.startswith("actor"))
    return [actor, total - actor]


@dataclass(frozen=True)
class _Inputs:
    """What one update reads, at fixed addresses: R rows of a rollout and K epochs' orders over them."""

    obs: Tensor
    actions: Tensor
    old_log_probs: Tensor
    old_values: Tensor
    returns: Tensor
    orders: Tensor
    """int64 `[K, R']`, the rows that each epoch visits."""
    advantages: Tensor
    """`[K, R']`, in the order of each epoch's visits."""
    learning_rates: Tensor
    """`[K]`."""

    @classmethod
    def empty(cls, config: TrainConfig, like: Batch, device: torch.device) -> "_Inputs":
        """Room for any rollout of `config`, of which `like` is one."""
        rows, visits = config.lanes * config.rollout_steps, config.minibatches * minibatch_size(config)

        def room(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        return cls(
            obs=room(rows, *like.obs.shape[1:], dtype=torch.from_numpy(like.obs).dtype),
            actions=room(rows, *like.actions.shape[1:], dtype=torch.from_numpy(like.actions).dtype),
            old_log_probs=room(rows),
            old_values=room(rows),
            returns=room(rows),
            orders=room(config.epochs, visits, dtype=torch.int64),
            advantages=room(config.epochs, visits),
            learning_rates=room(config.epochs),
        )

    def load(self, batch: Batch, config: TrainConfig, learning_rate: float, rng: np.random.Generator) -> None:
        """Copy a batch and freshly drawn orders in; rows beyond the batch's own are never visited."""
        rows = len(batch.actions)
        for name in ("obs", "actions", "old_log_probs", "old_values", "returns"):
            getattr(self, name)[:rows].copy_(torch.from_numpy(getattr(batch, name)))
        orders = np.stack([epoch_order(rows, config, rng) for _ in range(config.epochs)])
        advantages = np.stack([minibatch_advantages(batch.advantages[order], config) for order in orders])
        self.orders.copy_(torch.from_numpy(orders))
        self.advantages.copy_(torch.from_numpy(advantages))
        self.learning_rates.copy_(torch.tensor(epoch_rates(config, learning_rate)))
