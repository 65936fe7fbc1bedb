"""The modules that policies of other libraries are put together from; each is one step of their `predict`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lander_runtime.errors import InputRefused
from lander_trainer.networks.encoder import KERNELS_AND_STRIDES


class Divide(nn.Module):
    """Observations over a number: pixels over 255."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, obs: Tensor) -> Tensor:
        return obs / self.by


class ChannelsFirst(nn.Module):
    """Pictures `[batch, height, width, channels]` -> `[batch, channels, height, width]`."""

    def forward(self, obs: Tensor) -> Tensor:
        return obs.permute(0, 3, 1, 2)


class Normalise(nn.Module):
    """(obs - mean) / deviation, clipped to +-clip where there is one."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: NDArray[Any], deviation: NDArray[Any], clip: float | None) -> None:
        """`mean` and `deviation` are `[*obs_shape]`."""
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.from_numpy(mean.astype("float32")))
        self.register_buffer("deviation", torch.from_numpy(deviation.astype("float32")))

    def forward(self, obs: Tensor) -> Tensor:
        normalised = (obs - self.mean) / self.deviation
        return normalised if self.clip is None else normalised.clamp(-self.clip, self.clip)


class Rescale(nn.Module):
    """Outputs `[batch, k]` linearly from [-1, 1] to [low, high]; what lies outside stays outside."""

    low: Tensor
    span: Tensor

    def __init__(self, low: NDArray[Any], high: NDArray[Any]) -> None:
        """`low` and `high` are `[k]` and finite."""
        super().__init__()
        self.register_buffer("low", torch.from_numpy(low.astype("float32")))
        self.register_buffer("span", torch.from_numpy(high.astype("float32")) - self.low)

    def forward(self, outputs: Tensor) -> Tensor:
        return self.low + 0.5 * (outputs + 1.0) * self.span


class Squash(Rescale):
    """Outputs `[batch, k]` through tanh, then linearly from [-1, 1] to [low, high]."""

    def forward(self, outputs: Tensor) -> Tensor:
        return super().forward(torch.tanh(outputs))


class TanhScale(nn.Module):
    """Outputs `[batch, k]` through tanh, times `scale`, plus `bias`: in CleanRL's order, to round alike."""

    scale: Tensor
    bias: Tensor

    def __init__(self, scale: NDArray[Any], bias: NDArray[Any]) -> None:
        """`scale` and `bias` are `[k]`."""
        super().__init__()
        self.register_buffer("scale", torch.from_numpy(scale.astype("float32")))
        self.register_buffer("bias", torch.from_numpy(bias.astype("float32")))

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.tanh(outputs) * self.scale + self.bias


class QuantileMean(nn.Module):
    """Quantiles `[batch, quantiles * n]`, those of one level side by side -> their means `[batch, n]`."""

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.actions = actions

    def forward(self, quantiles: Tensor) -> Tensor:
        return quantiles.reshape(-1, quantiles.shape[-1] // self.actions, self.actions).mean(dim=1)


class AtomMean(nn.Module):
    """Logits of atoms `[batch, n * atoms]` -> expected values `[batch, n]` (C51, arXiv:1707.06887)."""

    atoms: Tensor

    def __init__(self, actions: int, atoms: Tensor) -> None:
        super().__init__()
        self.actions = actions
        self.register_buffer("atoms", atoms.detach().float())

    def forward(self, logits: Tensor) -> Tensor:
        # Not by len(logits): the exported graph would keep the batch of the trace.
        chances = torch.softmax(logits.reshape(-1, self.actions, len(self.atoms)), dim=-1)
        return (chances * self.atoms).sum(dim=-1)


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer with these weights `[outputs, inputs]` and `[outputs]`."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return layer


def layers_of(
    weights: Mapping[str, Tensor],
    names: Sequence[str],
    activation: type[nn.Module],
    *,
    inputs: int,
    where: str,
) -> list[nn.Module]:
    """Linear layers with an activation after each but the last.

    Args:
        weights: has `NAME.weight` and `NAME.bias` of each name.
        names: of the layers, the first first.
        activation: of the hidden layers.
        inputs: numbers that the first layer takes.
        where: the file's name, for messages.

    Raises:
        InputRefused: a tensor is missing, or two layers do not fit together.
    """
    made: list[nn.Module] = []
    for name in names:
        weight, bias = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
        if weight is None or bias is None or weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise InputRefused(
                f"{where}: the tensors of {name} do not fit together as a linear layer with a bias."
            )
        if weight.shape[1] != inputs:
            raise InputRefused(
                f"{where}: the layers do not fit together: {name} takes {weight.shape[1]} numbers and is "
                f"given {inputs}."
            )
        made += [linear(weight, bias), activation()]
        inputs = weight.shape[0]
    return made[:-1]


def nature_convolutions(
    weights: Mapping[str, Tensor], prefix: str, planes: tuple[int, ...], where: str
) -> tuple[nn.Sequential, int]:
    """The three convolutions of Mnih et al. 2015 at `prefix`.0, .2 and .4, a ReLU after each, then flattened.

    Args:
        weights: has their weights and biases.
        prefix: of their names.
        planes: shape of a picture, channels first.
        where: the file's name, for messages.

    Returns:
        The module, and how many features it gives.

    Raises:
        InputRefused: they have other kernels, whose strides are not known, or do not fit the pictures.
    """
    made: list[nn.Module] = []
    channels, height, width = planes
    for position, (kernel, stride) in zip((0, 2, 4), KERNELS_AND_STRIDES, strict=True):
        name = f"{prefix}.{position}"
        weight, bias = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
        if weight is None or bias is None or weight.shape[1:] != (channels, kernel, kernel):
            raise InputRefused(
                f"{where}: {name} is not the {kernel} x {kernel} convolution over {channels} channels of the "
                "Nature network, whose strides are known; other convolutions are not read."
            )
        layer = nn.Conv2d(channels, weight.shape[0], kernel, stride)
        try:
            layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
        except RuntimeError as error:
            raise InputRefused(f"{where}: the tensors of {name} do not fit together.") from error
        made += [layer, nn.ReLU()]
        channels, height, width = (
            weight.shape[0],
            (height - kernel) // stride + 1,
            (width - kernel) // stride + 1,
        )
    if min(height, width) < 1:
        raise InputRefused(f"{where}: its convolutions need pictures larger than {planes[1]} x {planes[2]}.")
    return nn.Sequential(*made, nn.Flatten()), channels * height * width
