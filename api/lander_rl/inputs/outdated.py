"""Whether a run was trained further after its policy was exported.

Reads only the headers of both files, because it is asked before any policy is opened: no tensor, no PyTorch.
"""

from datetime import datetime
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import open_regular

_EXPORTED = ("best.safetensors", "checkpoint.safetensors")
"""What `lander export RUN` takes: the first that is there."""

_LARGEST_HEADER = 8 << 20
"""Bytes, as of the trainer's checkpoints."""


def trained_further(policy: Path) -> Path | None:
    """The run in whose folder `policy` lies, where it has newer weights to export; else None.

    Both files say when their weights were saved, and after how many steps. Where one does not, the times of
    the files decide.
    """
    beside = (policy.with_name(name) for name in _EXPORTED)
    weights = next((path for path in beside if path.is_file()), None)
    if weights is None or policy.suffix != ".onnx" or not policy.is_file():
        return None
    try:
        newer = _saved_weights(weights) > _saved_policy(policy)
    except (InputRefused, ValueError, TypeError):
        newer = weights.stat().st_mtime > policy.stat().st_mtime
    return policy.parent if newer else None


def _saved_policy(path: Path) -> tuple[datetime, int]:
    from lander_runtime.policy.metadata import PolicyInfo

    info = PolicyInfo.read(path)
    return datetime.fromisoformat(info.created), info.training.steps or 0


def _saved_weights(path: Path) -> tuple[datetime, int]:
    from lander_runtime.json_data.fields import Fields

    with open_regular(path) as file:
        # safetensors: eight bytes with the length of a header in JSON, the header, the tensors.
        length = int.from_bytes(file.read(8), "little")
        if length > _LARGEST_HEADER:
            raise InputRefused(f"{path}: its header is larger than that of a checkpoint.")
        header = Fields.parse(file.read(length).decode(), path.name)
    ours = Fields.parse(header.child("__metadata__").text("lander.checkpoint"), path.name)
    return datetime.fromisoformat(ours.text("created")), ours.child("progress").count("steps")
