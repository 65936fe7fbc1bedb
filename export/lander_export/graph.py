"""The network that is exported: the actor, with the inputs and outputs of the schema."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear

from lander_runtime.spec import Space, filled_bounds
from lander_trainer.ppo.normaliser import LIMIT


class DiscretePolicyGraph(nn.Module):
    """Observations in raw units -> greedy action and logits.

    obs [batch, *obs_shape]  ->  action int64 [batch], logits float32 [batch, n]
    """

    outputs: ClassVar[list[str]] = ["action", "logits"]

    def __init__(self, actor: nn.Module) -> None:
        super().__init__()
        self.actor = actor

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.actor(obs.float())
        # Not argmax: ONNX Runtime's CUDA provider has ArgMax up to opset 11 only and TopK for all opsets, and
        # one operator without a CUDA kernel would keep the whole file off the GPU. Of equal logits both take
        # the first in ONNX Runtime. PyTorch's topk may take another, so the gate allows for ties.
        action = torch.topk(logits, 1, dim=-1).indices.squeeze(-1)
        return action, logits


class ContinuousPolicyGraph(nn.Module):
    """Observations in raw units -> greedy action, and mean and log std of the Gaussian around it.

    obs [batch, *obs_shape]  ->  action, mean, log_std, each float32 [batch, *action_shape]. The action is
    the mean, clipped to the bounds.
    """

    outputs: ClassVar[list[str]] = ["action", "mean", "log_std"]

    low: Tensor
    high: Tensor
    nothing: Tensor
    """Zeros. The name is that of a tensor in the file, so another name would change the file."""
    actor_log_std: Tensor

    def __init__(self, actor: nn.Module, log_std: Tensor, action: Space) -> None:
        """Wrap an actor.

        Args:
            actor: observations -> means `[batch, k]`.
            log_std: `[k]`.
            action: the action space, with k numbers.
        """
        super().__init__()
        self.actor = actor
        self.shape = action.shape
        with np.errstate(over="ignore"):
            low, high = (torch.from_numpy(bound.astype(np.float32)) for bound in filled_bounds(action))
        self.register_buffer("low", low)
        self.register_buffer("high", high)
        self.register_buffer("actor_log_std", log_std)
        self.register_buffer("nothing", torch.zeros(len(log_std), len(log_std)))

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = self.actor(obs.float())
        # A product with zeros gives the constant a batch axis with an operator that runs on the GPU.
        log_std = linear(mean, self.nothing, self.actor_log_std)
        if len(self.shape) != 1:
            mean, log_std = (values.reshape(-1, *self.shape) for values in (mean, log_std))
        return torch.minimum(torch.maximum(mean, self.low), self.high), mean, log_std


PolicyGraph = DiscretePolicyGraph | ContinuousPolicyGraph


def as_function(graph: PolicyGraph) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The greedy policy in PyTorch: observations `[batch, *obs_shape]` -> actions `[batch, ...]`."""

    def act(observations: NDArray[Any]) -> NDArray[Any]:
        with torch.inference_mode():
            return graph(torch.from_numpy(observations))[0].numpy()

    return act


class NormalisedActor(nn.Module):
    """An actor that first normalises observations, with the last statistics of the training."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, actor: nn.Module, mean: NDArray[Any], deviation: NDArray[Any]) -> None:
        """`mean` and `deviation` are float32 `[*obs_shape]`."""
        super().__init__()
        self.actor = actor
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("deviation", torch.from_numpy(deviation))

    def forward(self, obs: Tensor) -> Tensor:
        limit = float(LIMIT)
        return self.actor(((obs - self.mean) / self.deviation).clamp(-limit, limit))
