"""Finds the policy that is meant: the one that was named, else the newest run's, else the one that ships."""

import shlex
from pathlib import Path

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import near_miss
from lander_runtime.shipped import (
    newer_run,
    newest_policy,
    newest_policy_in,
    newest_run_in,
    shipped_policies,
)

_SHIPPED = "lunarlander-v3"
"""The shipped policy that is taken where none is named: it needs no extra."""

_RUNS = Path("runs")


def find_policy(named: Path | None) -> tuple[Path, str]:
    """The policy file and, in a few words, why it was taken.

    Args:
        named: a file, a folder, or the name of a policy that ships where neither is called so.

    Raises:
        InputRefused: no policy was named and there is none, a folder holds no policy, or `runs` is a file.
    """
    if named is not None:
        shipped = _shipped_as(named)
        if shipped is not None:
            return shipped, "ships with lander"
        _check_there(named)
        return _in_folder(named) if named.is_dir() else (named, "as named")
    newest, run = _newest()
    waiting = "" if run is None else f"; the newest run has not been exported: {_export_of(run)}"
    if newest is not None:
        return newest, f"the last that was exported{waiting}"
    shipped = shipped_policies().get(_SHIPPED)
    if shipped is not None:
        return shipped, f"ships with lander{waiting}"
    raise InputRefused("There is no policy under runs/ and none ships with this build. Type: lander train")


def find_own_policy(named: Path | None) -> tuple[Path, str]:
    """As `find_policy`, for what goes out under the user's name: only what was named, or the newest run's.

    Raises:
        InputRefused: as of `find_policy`.
        UsageError: no policy was named, and the newest run has not been exported, or there is none.
    """
    if named is not None:
        return find_policy(named)
    newest, run = _newest()
    if run is not None:
        raise UsageError(f"The newest run, {run}, has not been exported. Type: {_export_of(run)}")
    if newest is None:
        raise UsageError(
            "There is no policy of yours under runs/. Name the policy, or make one: lander train, then "
            "lander export"
        )
    return newest, "the last that was exported"


def waiting_run() -> Path | None:
    """The newest run, where it was trained after the last export; else None."""
    return _newest()[1]


def _newest() -> tuple[Path | None, Path | None]:
    """The policy that was exported last, and the newest run where that was trained later."""
    if _RUNS.exists() and not _RUNS.is_dir():
        raise InputRefused("runs should be the folder of runs and is a file. Move it, or name a policy.")
    newest = newest_policy(_RUNS)
    return newest, newest_run_in(_RUNS) if newest is None else newer_run(newest, _RUNS)


def _shipped_as(named: Path) -> Path | None:
    """The policy that ships under this name; None where there is none, or a file or folder of that name."""
    return None if named.exists() else shipped_policies().get(str(named))


def _check_there(named: Path) -> None:
    """Refuse what is not there, with what may be meant."""
    if named.exists():
        return
    if named.parts[:1] == _RUNS.parts and not _RUNS.exists():
        raise InputRefused(f"{named} does not exist; nothing has been trained here. Type: lander train")
    shipped = shipped_policies().get(str(named).lower())
    if shipped is not None:
        raise InputRefused(f"{named} does not exist. Did you mean {shipped.parent.name}, which ships?")
    # It may have been typed in another folder.
    found = [path for path in _RUNS.glob("*/*/*") if path.name == named.name and path.is_file()]
    if found:
        newest = max(found, key=lambda path: path.stat().st_mtime)
        is_policy = newest.suffix == ".onnx"
        hint = f"Did you mean {newest}?" if is_policy else f"Type: {_export_of(newest.parent)}"
        raise InputRefused(f"{named} does not exist; {newest.parent} has one. {hint}")
    hint = near_miss(named) or " lander models lists the policies that ship."
    raise InputRefused(f"{named} does not exist.{hint}")


def _in_folder(folder: Path) -> tuple[Path, str]:
    """The policy of a run's folder, or the newest one of a folder of runs."""
    if (folder / "policy.onnx").is_file():
        return folder / "policy.onnx", "of that folder"
    if not (folder / "checkpoint.safetensors").is_file():
        newest = newest_policy_in(folder)
        if newest is not None:
            return newest, "the last in that folder that was exported"
        run = newest_run_in(folder)
        if run is not None:
            raise InputRefused(f"{folder}: no run in it has a policy.onnx yet. Type: {_export_of(run)}")
    raise InputRefused(f"{folder}: a folder without policy.onnx. Make it with: {_export_of(folder)}")


def _export_of(run: Path) -> str:
    return shlex.join(["lander", "export", str(run)])
