"""PyTorch files as plain tensors: nothing is run, and no more memory taken than the file has bytes."""

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lander_runtime.errors import InputRefused
from lander_runtime.inert.zip_reading import LARGEST_FILE, ZipMembers
from lander_runtime.text import quoted

_ZIP = b"PK"


def load_torch(content: bytes, name: str) -> Any:
    """What `torch.save` wrote, with tensors on the CPU: tensors, containers and plain values only.

    Raises:
        InputRefused: it is no such file, or holds anything else.
    """
    if content.startswith(_ZIP):
        members = ZipMembers(content, name)
        # torch.save never compresses; a few kilobytes could else become gigabytes.
        if not members.all_stored or members.unpacked_bytes > LARGEST_FILE:
            raise InputRefused(f"{name}: not as torch.save writes it: its parts are compressed or too large.")
    try:
        # weights_only: a pickle from an unknown source can run code; this reader takes tensors only.
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged pickle can raise anything.
        # Without PyTorch's own message, which advises to open the file unsafely.
        raise InputRefused(
            f"{name}: not a plain PyTorch state dict ({type(error).__name__}). "
            "A file that holds more than tensors is not opened; save model.state_dict() alone."
        ) from error


def is_state_dict(value: object) -> bool:
    """Whether `value` is a dict of names to tensors of numbers."""
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) and not tensor.is_complex()
        for name, tensor in value.items()
    )


def checked(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """`tensors`, each of which has a number of its own in the file for every number that it says it has.

    Raises:
        InputRefused: one has not, is not dense, or holds a number that is not finite.
    """
    for key, tensor in tensors.items():
        plain = tensor.layout == torch.strided and not tensor.is_quantized and tensor.device.type == "cpu"
        if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise InputRefused(
                f"{name}: {quoted(key)} says it has {tensor.numel():,} numbers and holds fewer."
            )
        if not bool(torch.isfinite(tensor).all()):
            raise InputRefused(f"{name}: {quoted(key)} holds numbers that are not finite.")
    return dict(tensors)
