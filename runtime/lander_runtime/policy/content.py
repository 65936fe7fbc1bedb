"""Reads the bytes of a policy file."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import is_text, open_regular, read_regular

USUAL_FILE_BYTES = 64 * 1024 * 1024
"""A larger file is refused unread: policies are small, and the path may name any file."""

LARGE_FILE_BYTES = 512 * 1024 * 1024
"""The same where the user has said --large."""

_ZIP = b"PK\x03\x04"
"""What an archive begins with: those of Stable-Baselines3, and of torch.save."""

_CHECKPOINTS = frozenset({".zip", ".pth", ".pt", ".ckpt", ".safetensors", ".pkl", ".tar"})


def largest_file(*, large: bool) -> int:
    """Bytes of the largest file that is read, weights beside it included."""
    return LARGE_FILE_BYTES if large else USUAL_FILE_BYTES


def read_policy_file(path: Path, *, large: bool = False) -> bytes:
    """The content of `path`; with `large`, of up to `LARGE_FILE_BYTES`.

    Raises:
        InputRefused: it is missing, no plain file, too large for a policy, a checkpoint, or text.
    """
    content = read_part(path, large=large)
    if content.startswith(_ZIP) or is_checkpoint(path):
        raise InputRefused(how_to_export(path))
    if is_text(content):
        beside = path.parent / "policy.onnx"
        hint = f" Did you mean {beside}?" if beside.is_file() else ""
        raise InputRefused(f"{path.name}: not an ONNX file; it is text.{hint}")
    return content


def is_checkpoint(path: Path) -> bool:
    """Whether a file has the name of a checkpoint, ours or another library's."""
    return path.suffix.lower() in _CHECKPOINTS


def how_to_export(path: Path, options: Sequence[str] = ()) -> str:
    """What to say of a checkpoint in the place of a policy.

    Args:
        path: its file.
        options: more words of the command that exports it.
    """
    env = "" if path.suffix == ".safetensors" else " --env ENV"
    command = shlex.join(["lander", "export", str(path), *options])
    return f"{path.name}: a checkpoint and no ONNX file. Make one of it with: {command}{env}"


def too_large(*, large: bool) -> str:
    """What to say of a file, or of one with its weights, above `largest_file`."""
    if large:
        return "too large for a policy."
    return "more than a policy has. If it is meant to be so large, add: --large"


def read_part(path: Path, *, large: bool = False) -> bytes:
    """The content of `path`, a policy or weights beside it.

    Raises:
        InputRefused: it is missing, no plain file, or too large for a policy.
    """
    largest = largest_file(large=large)
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > largest:
            raise InputRefused(f"{path.name}: {size / 1e6:.0f} MB is {too_large(large=large)}")
    return read_regular(path, largest)
