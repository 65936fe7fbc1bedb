"""The actor-critic: two separate multilayer perceptrons.

Initialisation (Andrychowicz et al. 2021, C57): orthogonal weights, zero biases, with the gain

    hidden layers          sqrt(2)
    last layer of actor    0.01     the first policy is nearly uniform, so it explores
    last layer of critic   1
    log std of a Gaussian  0        the first policy draws around the middle with deviation 1
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from lander_runtime.spec import DTYPES, Space
from lander_trainer.distributions import Distribution, Gaussian

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}


class ActorCritic(nn.Module):
    """An actor and a critic over vector observations.

    The state dict has the keys `actor.0.weight`, `actor.0.bias`, `actor.2.weight`, ... and the same
    for `critic`: linear layers at even positions, activations between them. The deviations of a Gaussian
    are the parameter `actor_log_std`, which no observation changes.

    Learners ask for no more than `outputs`, `values`, `distribution`, and names that begin with `actor` for
    what the policy's gradient reaches and the value's does not.
    """

    actor_log_std: nn.Parameter | None

    def __init__(
        self, obs_size: int, distribution: Distribution, hidden_sizes: Sequence[int], activation: str
    ) -> None:
        super().__init__()
        self.distribution = distribution
        outputs = distribution.size
        self.actor = multilayer_perceptron([obs_size, *hidden_sizes, outputs], activation, last_gain=0.01)
        self.critic = multilayer_perceptron([obs_size, *hidden_sizes, 1], activation, last_gain=1.0)
        continuous = isinstance(distribution, Gaussian)
        self.actor_log_std = nn.Parameter(torch.zeros(outputs)) if continuous else None

    def outputs(self, obs: Tensor) -> Tensor:
        """What `distribution` reads, `[B, p]`, for observations `[B, obs_size]`."""
        outputs = self.actor(obs.float())
        if self.actor_log_std is None:
            return outputs
        return torch.cat([outputs, self.actor_log_std.expand_as(outputs)], dim=-1)

    def values(self, obs: Tensor) -> Tensor:
        """Expected discounted return (in scaled rewards) `[B]` of observations `[B, obs_size]`."""
        return self.critic(obs.float()).squeeze(-1)


def misfit(observation: Space, action: Space) -> str | None:
    """What in these spaces no network here is for, as in "CarRacing-v3 has ..."; None where all is well."""
    if observation.type != "Box" or len(observation.shape) != 1 or not observation.shape[0]:
        return f"observations of shape {list(observation.shape)}; this trainer takes vectors"
    if observation.dtype not in DTYPES:
        return f"observations of {observation.dtype}; this trainer takes {', '.join(DTYPES)}"
    if action.type == "Box" and (action.dtype != "float32" or 0 in action.shape):
        return f"actions of {action.dtype} {list(action.shape)}; this trainer's are float32, one or more"
    return None


def multilayer_perceptron(sizes: Sequence[int], activation: str, *, last_gain: float) -> nn.Sequential:
    """Linear layers of the given `sizes` with an activation between each two."""
    layers: list[nn.Module] = []
    for position, (inputs, outputs) in enumerate(pairwise(sizes)):
        last = position == len(sizes) - 2
        linear = nn.Linear(inputs, outputs)
        nn.init.orthogonal_(linear.weight, last_gain if last else math.sqrt(2.0))
        nn.init.zeros_(linear.bias)
        layers += [linear] if last else [linear, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)
