"""The actor-critic: two separate multilayer perceptrons.

Initialisation (Andrychowicz et al. 2021, C57): orthogonal weights, zero biases, with the gain

    hidden layers          sqrt(2)
    last layer of actor    0.01     the first policy is nearly uniform, so it explores
    last layer of critic   1
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}


class ActorCritic(nn.Module):
    """A categorical actor and a critic over vector observations.

    The state dict has the keys `actor.0.weight`, `actor.0.bias`, `actor.2.weight`, ... and the same
    for `critic`: linear layers at even positions, activations between them.
    """

    def __init__(self, obs_size: int, actions: int, hidden_sizes: Sequence[int], activation: str) -> None:
        super().__init__()
        self.actor = multilayer_perceptron([obs_size, *hidden_sizes, actions], activation, last_gain=0.01)
        self.critic = multilayer_perceptron([obs_size, *hidden_sizes, 1], activation, last_gain=1.0)

    def logits(self, obs: Tensor) -> Tensor:
        """Unnormalised log-probabilities `[B, actions]` of observations `[B, obs_size]`."""
        return self.actor(obs.float())

    def values(self, obs: Tensor) -> Tensor:
        """Expected discounted return (in scaled rewards) `[B]` of observations `[B, obs_size]`."""
        return self.critic(obs.float()).squeeze(-1)


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
