"""The parts of networks: initialised layers, activations by name, multilayer perceptrons."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}


def initialised(layer: nn.Linear | nn.Conv2d, gain: float = math.sqrt(2.0)) -> nn.Module:
    """`layer` with orthogonal weights of this `gain` and zero biases."""
    nn.init.orthogonal_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def multilayer_perceptron(sizes: Sequence[int], activation: str, *, last_gain: float) -> nn.Sequential:
    """Linear layers with an activation between each two.

    Args:
        sizes: of the input, the hidden layers and the output.
        activation: a key of `ACTIVATIONS`.
        last_gain: of the last layer's initial weights.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes[:-1]):
        layers += [initialised(nn.Linear(inputs, outputs)), ACTIVATIONS[activation]()]
    inputs, outputs = sizes[-2:]
    return nn.Sequential(*layers, initialised(nn.Linear(inputs, outputs), last_gain))
