"""Reads the bytes of a policy file."""

import os
import shlex
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import open_regular, read_regular

MAX_FILE_BYTES = 512 * 1024 * 1024
"""A larger file is refused unread: policies are small, and the path may name any file."""


_ZIP = b"PK\x03\x04"
"""What an archive begins with: those of Stable-Baselines3, and of torch.save."""

_CHECKPOINTS = frozenset({".zip", ".pth", ".pt", ".ckpt", ".safetensors", ".pkl", ".tar"})


def read_policy_file(path: Path) -> bytes:
    """The content of `path`.

    Raises:
        InputRefused: it is missing, no plain file, too large for a policy, or a checkpoint.
    """
    content = read_part(path)
    if content.startswith(_ZIP) or path.suffix.lower() in _CHECKPOINTS:
        command = shlex.join(["lander", "export", str(path)])
        env = "" if path.suffix == ".safetensors" else " --env ENV"
        raise InputRefused(f"{path.name}: a checkpoint and no ONNX file. Make one of it with: {command}{env}")
    return content


def read_part(path: Path) -> bytes:
    """The content of `path`, a policy or weights beside it.

    Raises:
        InputRefused: it is missing, no plain file, or too large for a policy.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise InputRefused(f"{path.name}: {size / 1e6:.0f} MB is too large for a policy.")
    return read_regular(path, MAX_FILE_BYTES)
