"""The encoder: a small convolutional network that turns an image into features for actor and critic.

    uint8 [B, *shape]  ->  channels first, over 255  ->  convolutions  ->  linear layers  ->  float32 [B, k]

The convolutions are those of Mnih et al. 2015 (doi:10.1038/nature14236): kernels of 8, 4, 3 with strides of
4, 2, 1, of which the first `len(channels)` are used. `channels = 32,64,64` with `hidden_sizes = 512` is their
whole network.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from lander_runtime.spec import Space
from lander_trainer.networks.layers import ACTIVATIONS, initialised

KERNELS_AND_STRIDES = ((8, 4), (4, 2), (3, 1))
"""Kernel size and stride of each convolution, in pixels, the first layer first."""

_LARGE_BATCH = 64
"""Images from which channels-last is faster on the CPU (`ImageEncoder.forward`)."""

_COLOURS = (1, 3, 4)
"""Numbers a pixel can have: a last axis of this length is the colours."""


class ImageEncoder(nn.Module):
    """Turns images, in any layout of `channels_first`, into features `[B, size]`.

    The state dict has the keys `layers.0.weight`, `layers.2.weight`, ...: convolutions, then, after one
    position for flattening, linear layers, each followed by the activation.
    """

    size: int
    """Number of features of an image."""

    def __init__(
        self, shape: tuple[int, ...], channels: Sequence[int], hidden_sizes: Sequence[int], activation: str
    ) -> None:
        """Make the layers for images of `shape`; the number of features is `hidden_sizes[-1]`."""
        super().__init__()
        planes, height, width = channels_first(torch.empty((1, *shape), device="meta")).shape[1:]
        layers: list[nn.Module] = []
        for (inputs, outputs), (kernel, stride) in zip(
            pairwise([planes, *channels]), KERNELS_AND_STRIDES, strict=False
        ):
            layers += [initialised(nn.Conv2d(inputs, outputs, kernel, stride)), ACTIVATIONS[activation]()]
            height, width = ((side - kernel) // stride + 1 for side in (height, width))
        layers.append(nn.Flatten())
        for inputs, outputs in pairwise([channels[-1] * height * width, *hidden_sizes]):
            layers += [initialised(nn.Linear(inputs, outputs)), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers)
        self.size = hidden_sizes[-1]

    def forward(self, obs: Tensor) -> Tensor:
        planes = channels_first(obs)
        # The order in memory only: with channels last, PyTorch's convolutions on the CPU learn from large
        # batches 1.4 to 2 times faster (4 x 60 x 80, batch 256), and act on small ones a third slower.
        large = not torch.compiler.is_exporting() and len(planes) >= _LARGE_BATCH
        order = torch.channels_last if large else torch.contiguous_format
        first, *others = self.layers
        assert isinstance(first, nn.Conv2d)
        # The weights are divided by 255 and not the pixels, which are some thousand times more numbers.
        features = conv2d(
            planes.to(torch.float32, memory_format=order), first.weight / 255.0, first.bias, first.stride
        )
        for layer in others:
            features = layer(features)
        return features


def channels_first(images: Tensor) -> Tensor:
    """`images` as `[B, channels, height, width]`.

    [B, height, width]                   one channel
    [B, height, width, 1, 3 or 4]        colours, as most environments draw them
    [B, frames, height, width]           grey frames, stacked by FrameStackObservation
    [B, frames, height, width, colours]  colour frames stacked: every colour of every frame is a channel
    """
    if images.ndim == 3:
        return images.unsqueeze(1)
    if images.ndim == 4:
        return images.permute(0, 3, 1, 2) if images.shape[-1] in _COLOURS else images
    return images.permute(0, 1, 4, 2, 3).flatten(1, 2)


def channels_last(images: Tensor) -> Tensor:
    """`images`, in any layout of `channels_first`, as `[B, height, width, channels]`; a view where possible.

    Large batches are learned in this order. Reordering takes ten times as long as converting to float32, so
    callers that read a batch more than once should copy the result. `as_planes` is the inverse.
    """
    return channels_first(images).permute(0, 2, 3, 1)


def as_planes(images: Tensor) -> Tensor:
    """A view of `[B, height, width, channels]` as `[B, channels, height, width]`."""
    return images.permute(0, 3, 1, 2)


def is_image(observation: Space) -> bool:
    """Whether observations of this space need an encoder."""
    return observation.dtype == "uint8" and len(observation.shape) > 1


def image_misfit(observation: Space, convolutions: int) -> str | None:
    """Why the encoder does not fit images of this space, to follow "CarRacing-v3 has"; None if it does."""
    shape = list(observation.shape)
    if len(shape) > 4 or 0 in shape:
        return f"observations of uint8 {shape}; images have a height, a width, perhaps colours and frames"
    height, width = channels_first(torch.empty((1, *shape), device="meta")).shape[2:]
    needed = smallest_side(convolutions)
    if min(height, width) < needed:
        return (
            f"images of {height} x {width} pixels, and {convolutions} convolutions need {needed} x {needed}; "
            "name fewer channels"
        )
    return None


def smallest_side(convolutions: int) -> int:
    """Pixels that an image needs in height and width for this many convolutions: 8, 20 or 36."""
    side = 1
    for kernel, stride in reversed(KERNELS_AND_STRIDES[:convolutions]):
        side = (side - 1) * stride + kernel
    return side
