"""Which policy a command takes when none is named."""

import shlex
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.shipped import newest_policy, shipped_policies

_SHIPPED = "lunarlander-v3"
"""Of the policies that ship, the one that is flown when nobody says what: it needs no extra."""


def find_policy(named: Path | None) -> tuple[Path, str]:
    """The policy file and, in a few words, why it was taken.

    Raises:
        InputRefused: nothing was named and nothing is there, a folder holds no policy, or `runs`,
            where one would be looked for, is no folder.
    """
    if named is not None:
        if named.is_dir():
            if not (named / "policy.onnx").is_file():
                command = shlex.join(["lander", "export", str(named)])
                raise InputRefused(f"{named}: a folder without policy.onnx. Make it with: {command}")
            return named / "policy.onnx", "of that folder"
        return named, "as named"
    if Path("runs").exists() and not Path("runs").is_dir():
        raise InputRefused("runs should be the folder of runs and is a file. Move it, or name a policy.")
    newest = newest_policy()
    if newest is not None:
        return newest, "the last that was exported"
    shipped = shipped_policies().get(_SHIPPED)
    if shipped is not None:
        return shipped, "ships with lander"
    raise InputRefused("There is no policy under runs/ and none ships with this build. Type: lander train")
