"""Which file of a folder is meant: folders of the Hugging Face Hub hold a model among other things."""

import shlex
import zipfile
from collections.abc import Sequence
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import open_regular


def peer_file(folder: Path, typed: Sequence[str] = ()) -> Path | None:
    """The one zip of Stable-Baselines3 in `folder`; None where there is no zip of it.

    Args:
        folder: where to look.
        typed: options that the user typed, for a command to be pasted.

    Raises:
        InputRefused: there are several, or the folder's policy is an ONNX file already.
    """
    zips = [path for path in sorted(folder.glob("*.zip")) if _is_model(path)]
    if len(zips) > 1:
        names = ", ".join(path.name for path in zips[:5])
        raise InputRefused(f"{folder}: holds {len(zips)} models ({names}). Name one of them.")
    if zips:
        return zips[0]
    onnx = sorted(folder.glob("*.onnx"))
    if len(onnx) == 1:
        command = shlex.join(["lander", "eval", str(onnx[0]), "--env", "ID", *typed])
        raise InputRefused(f"{folder}: {onnx[0].name} is an ONNX file already. Type: {command}")
    return None


def _is_model(path: Path) -> bool:
    """Whether it has a policy inside; rl-zoo's folders have zips of metrics too."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return {"data", "policy.pth"} <= set(archive.namelist())
    except Exception:  # A damaged directory can raise anything.
        return False
