"""The names under which a server offers policies: `/v2/models/NAME`."""

import re
from collections.abc import Sequence
from pathlib import Path

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.text import quoted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def named_policies(paths: Sequence[Path]) -> dict[str, Path]:
    """The policy files that `paths` name, by name.

    A path is a file, a folder with `policy.onnx` in it, or a folder of such folders and of `.onnx` files.
    `policy.onnx` is named after its folder, one of a run after its environment, any other file after itself.

    Raises:
        InputRefused: there is no such file, or a folder holds no policy.
        UsageError: two have one name, or a name cannot stand in an address.
    """
    found: dict[str, Path] = {}
    for path in (file for given in paths for file in _files(given)):
        name = policy_name(path)
        if not is_address_name(name):
            raise UsageError(
                f"{quoted(name)} cannot stand in an address. Rename the file or folder: letters, digits, "
                "dots, dashes and underscores."
            )
        if name in found:
            raise UsageError(f"Two policies are called {name!r}: {found[name]} and {path}. Rename one.")
        found[name] = path
    return found


def policy_name(path: Path) -> str:
    """The name of a policy file by the rule of `named_policies`."""
    path = path.absolute()
    if path.name != "policy.onnx":
        return path.stem
    folder = path.parent
    # runs/LunarLander-v3/003: the number alone would say nothing.
    return folder.parent.name if folder.name.isdigit() else folder.name


def is_address_name(name: str) -> bool:
    """Whether `name` can stand in an address: letters, digits, dots, dashes and underscores."""
    return _NAME.fullmatch(name) is not None


def _files(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    if (given / "policy.onnx").is_file():
        return [given / "policy.onnx"]
    inside = sorted([*given.glob("*.onnx"), *given.glob("*/policy.onnx")])
    if not inside:
        raise InputRefused(
            f"{given}: expected a folder with policies (NAME.onnx or NAME/policy.onnx), found none. "
            "Make one with: lander export"
        )
    return inside
