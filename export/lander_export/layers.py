"""The layers of the networks that are known here. Each writes its ONNX nodes and runs in double precision.

Both stand side by side, so that a new kind of layer is one class and one case in `layers_of`. The network in
double precision is what the gate compares PyTorch and ONNX Runtime with, and `Exact.scale` says how far apart
two runs in float32 may be.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from lander_export.graph import NormalisedActor
from lander_export.writer import GraphWriter
from lander_runtime.policy.agreement import TOLERANCE
from lander_trainer.networks.encoder import ImageEncoder, channels_first
from lander_trainer.ppo.normaliser import LIMIT


@dataclass(frozen=True)
class Exact:
    """Numbers in double precision, `[M, ...]`, and what the rounding of float32 is in proportion to."""

    values: Tensor
    scale: Tensor
    """The sum of the absolute products behind each number.

    A sum in float32 is off by some 1e-7 of its products' absolute sum, however small the sum itself is. What
    its inputs are off by, it passes on; these errors are independent of each other, so their squares add up.
    Added as they are, they would grow tenfold from layer to layer, and nothing would be refused any more.
    """

    def through(self, function: Callable[[Tensor], Tensor]) -> "Exact":
        """Another for `function` of each number by itself, however bent it is where the number lies."""
        values, step = function(self.values), TOLERANCE * self.scale
        off = [(function(self.values + sign * step) - values).abs() / TOLERANCE for sign in (-1, 1)]
        return Exact(values, torch.maximum(*off) + values.abs())


class Layer(Protocol):
    """One step of a network."""

    def write(self, writer: GraphWriter, x: str) -> str:
        """Add the nodes that take the tensor called `x`; returns the name of the result."""
        ...

    def run(self, x: Exact) -> Exact:
        """The same in double precision."""
        ...


@dataclass(frozen=True)
class Normalise:
    """Subtract the mean, divide by the deviation, clip."""

    module: NormalisedActor
    name: str

    def write(self, writer: GraphWriter, x: str) -> str:
        mean = writer.tensor(f"{self.name}.mean", self.module.mean.numpy())
        deviation = writer.tensor(f"{self.name}.deviation", self.module.deviation.numpy())
        x = writer.node("Sub", "normalise.subtract", x, mean)
        x = writer.node("Div", "normalise.divide", x, deviation)
        bounds = [writer.tensor("obs_at_least", -LIMIT), writer.tensor("obs_at_most", LIMIT)]
        return writer.node("Clip", "normalise.clip", x, *bounds)

    def run(self, x: Exact) -> Exact:
        mean, deviation = self.module.mean.double(), self.module.deviation.double()
        scale = (x.values.abs() + mean.abs() + x.scale) / deviation
        limit = float(LIMIT)
        return Exact((x.values - mean) / deviation, scale).through(lambda z: z.clamp(-limit, limit))


@dataclass(frozen=True)
class Planes:
    """Images in any layout of the encoder's `channels_first`, to `[M, channels, height, width]`."""

    shape: tuple[int, ...]
    """Of an observation."""

    def write(self, writer: GraphWriter, x: str) -> str:
        example = torch.empty((1, *self.shape), device="meta")
        planes = channels_first(example)
        if len(self.shape) == 2:
            return writer.node("Unsqueeze", "channels_first", x, writer.one())
        if len(self.shape) == 3:
            same = planes.shape == example.shape and planes.stride() == example.stride()
            return x if same else writer.node("Transpose", "channels_first", x, perm=[0, 3, 1, 2])
        x = writer.node("Transpose", "frames.channels_first", x, perm=[0, 1, 4, 2, 3])
        shape = writer.tensor("to_channels", [-1, *planes.shape[1:]], np.int64)
        return writer.node("Reshape", "channels_first", x, shape)

    def run(self, x: Exact) -> Exact:
        return Exact(channels_first(x.values), channels_first(x.scale))


@dataclass(frozen=True)
class Flatten:
    """`[M, ...]` to `[M, features]`."""

    name: str
    features: int

    def write(self, writer: GraphWriter, x: str) -> str:
        shape = writer.tensor("to_features", [-1, self.features], np.int64)
        return writer.node("Reshape", self.name, x, shape)

    def run(self, x: Exact) -> Exact:
        return Exact(x.values.flatten(1), x.scale.flatten(1))


@dataclass(frozen=True)
class Products:
    """A linear layer or a convolution: sums of products of the inputs with weights."""

    module: nn.Linear | nn.Conv2d
    name: str
    over: float = 1.0
    """The weights are divided by this number: 255 where the inputs are pixels."""

    def write(self, writer: GraphWriter, x: str) -> str:
        weight = self.module.weight.detach()
        if self.over == 1.0:
            tensors = [writer.tensor(f"{self.name}.weight", weight.numpy())]
        else:
            tensors = [writer.tensor(f"first_weight_over_{self.over:g}", (weight / self.over).numpy())]
        if self.module.bias is not None:
            tensors.append(writer.tensor(f"{self.name}.bias", self.module.bias.detach().numpy()))
        if isinstance(self.module, nn.Linear):
            return writer.node("Gemm", self.name, x, *tensors, transB=1)
        kernel, strides = list(self.module.kernel_size), list(self.module.stride)
        return writer.node("Conv", self.name, x, *tensors, kernel_shape=kernel, strides=strides)

    def run(self, x: Exact) -> Exact:
        weight, bias = self.module.weight.detach().double() / self.over, self.module.bias
        bias = None if bias is None else bias.detach().double()
        products = self._sums(x.values.abs(), weight.abs(), None if bias is None else bias.abs())
        passed_on = self._sums(x.scale.square(), weight.square(), None).sqrt()
        return Exact(self._sums(x.values, weight, bias), products + passed_on)

    def _sums(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if isinstance(self.module, nn.Linear):
            return linear(x, weight, bias)
        return conv2d(x, weight, bias, self.module.stride)


@dataclass(frozen=True)
class Activation:
    """A function of each number by itself."""

    module: nn.Module
    name: str

    def write(self, writer: GraphWriter, x: str) -> str:
        if isinstance(self.module, nn.ELU):
            return writer.node("Elu", self.name, x, alpha=self.module.alpha)
        if isinstance(self.module, nn.SiLU):
            return writer.node("Mul", self.name, x, writer.node("Sigmoid", f"{self.name}.sigmoid", x))
        return writer.node(_OPERATORS[type(self.module)], self.name, x)

    def run(self, x: Exact) -> Exact:
        # A copy, since a module may write into what it is given (inplace=True).
        return x.through(lambda z: self.module(z.clone()))


_OPERATORS: dict[type[nn.Module], str] = {nn.Tanh: "Tanh", nn.ReLU: "Relu", nn.Sigmoid: "Sigmoid"}


def layers_of(module: nn.Module, name: str, shape: tuple[int, ...]) -> list[Layer] | None:
    """The layers of a network whose kind is known; None for any other.

    Kinds are compared exactly, since a class derived from one of PyTorch's may compute something else.

    Args:
        module: observations as float32 `[M, *shape]` -> `[M, k]`.
        name: of the module, which the names of its weights begin with.
        shape: of an observation.
    """
    if type(module) is NormalisedActor:
        inner = layers_of(module.actor, f"{name}.actor", shape)
        return None if inner is None else [Normalise(module, name), *inner]
    if type(module) is ImageEncoder:
        inner = _in_sequence(module.layers, f"{name}.layers", shape)
        if inner is None or not isinstance(inner[0], Products):
            return None
        return [Planes(shape), replace(inner[0], over=255.0), *inner[1:]]
    if type(module) is nn.Sequential:
        return _in_sequence(module, name, shape)
    if type(module) is nn.Identity:
        return []
    if type(module) is nn.Linear or (type(module) is nn.Conv2d and _is_plain(module)):
        return [Products(module, name)]
    return [Activation(module, name)] if type(module) in (*_OPERATORS, nn.ELU, nn.SiLU) else None


def _in_sequence(modules: nn.Sequential, name: str, shape: tuple[int, ...]) -> list[Layer] | None:
    layers: list[Layer] = []
    for (key, module), following in zip_longest(modules.named_children(), list(modules)[1:]):
        if type(module) is not nn.Flatten:
            inner = layers_of(module, f"{name}.{key}", shape)
        elif type(following) is nn.Linear:
            inner = [Flatten(f"{name}.{key}", following.in_features)]
        else:
            inner = None
        if inner is None:
            return None
        layers += inner
    return layers


def _is_plain(module: nn.Conv2d) -> bool:
    """Whether a convolution has none of the settings that `Products` does not write."""
    return module.padding == (0, 0) and module.dilation == (1, 1) and module.groups == 1
