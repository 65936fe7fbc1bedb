"""Finds the policy that is meant: the one that was named, else the newest run's, else the one that ships."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lander_rl.inputs.importing import import_options
from lander_rl.inputs.outdated import trained_further
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import near_miss
from lander_runtime.policy.content import how_to_export, is_checkpoint
from lander_runtime.shipped import (
    newer_run,
    newest_policy,
    newest_policy_in,
    newest_run_in,
    runs_near,
    shipped_policies,
)

_SHIPPED = "lunarlander-v3"
"""The shipped policy that is taken where none is named: it needs no extra."""

_RUNS = Path("runs")


@dataclass(frozen=True)
class WaitingRun:
    """A run that is to be exported before its score says anything."""

    path: Path
    """Its folder."""
    exported: bool
    """Whether it was exported once, and trained further since."""


def find_policy(named: Path | None, imports: Sequence[str] = ()) -> tuple[Path, str]:
    """The policy file and, in a few words, why it was taken.

    Args:
        named: a file, a folder, or the name of a policy that ships where neither is called so.
        imports: modules that the caller imported, for commands to be pasted.

    Raises:
        InputRefused: no policy was named and there is none, a folder holds no policy, a checkpoint was named,
            or `runs` is a file.
    """
    if named is None:
        newest, waiting = _newest()
        path, origin = (newest, "the last that was exported") if newest is not None else _shipped()
    else:
        path, origin = _named(named, imports)
        waiting = _waiting_of(path)
    if waiting is None:
        return path, origin
    what = "its run was trained further since" if waiting.exported else "the newest run has not been exported"
    return path, f"{origin}; {what}: {_export_of(waiting.path, imports)}"


def find_own_policy(named: Path | None, imports: Sequence[str] = ()) -> tuple[Path, str]:
    """As `find_policy`, for what goes out under the user's name: only what was named, or the newest run's.

    Raises:
        InputRefused: as of `find_policy`.
        UsageError: no policy was named, and the newest run has not been exported, or there is none.
    """
    if named is not None:
        return find_policy(named, imports)
    newest, waiting = _newest()
    if waiting is not None:
        what = "was trained further since its export" if waiting.exported else "has not been exported"
        command = _export_of(waiting.path, imports)
        raise UsageError(f"The newest run, {waiting.path}, {what}. Type: {command}")
    if newest is None:
        raise UsageError(
            "There is no policy of yours under runs/. Name the policy, or make one: lander train, then "
            "lander export"
        )
    return newest, "the last that was exported"


def waiting_run(named: Path | None) -> WaitingRun | None:
    """The run of the policy that is found for `named`, where it was trained after its export; else None.

    Where none was named, the newest run, where it was trained after the last export.
    """
    if named is None:
        return _newest()[1]
    policy = named
    if named.is_dir():
        own = named / "policy.onnx"
        # None for a folder of other files, which `lander serve` takes.
        policy = own if own.is_file() else newest_policy_in(named)
    return None if policy is None else _waiting_of(policy)


def _waiting_of(policy: Path) -> WaitingRun | None:
    run = trained_further(policy)
    return None if run is None else WaitingRun(run, exported=True)


def _shipped() -> tuple[Path, str]:
    shipped = shipped_policies().get(_SHIPPED)
    if shipped is not None:
        return shipped, "ships with lander"
    raise InputRefused("There is no policy under runs/ and none ships with this build. Type: lander train")


def _newest() -> tuple[Path | None, WaitingRun | None]:
    """The policy that was exported last, and the newest run where that was trained later."""
    if _RUNS.exists() and not _RUNS.is_dir():
        raise InputRefused("runs should be the folder of runs and is a file. Move it, or name a policy.")
    newest = newest_policy(_RUNS)
    run = newest_run_in(_RUNS) if newest is None else newer_run(newest, _RUNS)
    # A run that went on and found no better weights is newer than its policy, and has nothing to export.
    if newest is not None and run in (None, newest.parent):
        return newest, _waiting_of(newest)
    return newest, None if run is None else WaitingRun(run, (run / "policy.onnx").is_file())


def _shipped_as(named: Path) -> Path | None:
    """The policy that ships under this name; None where there is none, or a file or folder of that name."""
    return None if named.exists() else shipped_policies().get(str(named))


def _named(named: Path, imports: Sequence[str]) -> tuple[Path, str]:
    shipped = _shipped_as(named)
    if shipped is not None:
        return shipped, "ships with lander"
    _check_there(named, imports)
    if named.is_dir():
        return _in_folder(named, imports)
    if named.is_file() and is_checkpoint(named):
        raise InputRefused(how_to_export(named, import_options(imports)))
    return named, "as named"


def _check_there(named: Path, imports: Sequence[str]) -> None:
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
        hint = f"Did you mean {newest}?" if is_policy else f"Type: {_export_of(newest.parent, imports)}"
        raise InputRefused(f"{named} does not exist; {newest.parent} has one. {hint}")
    hint = near_miss(named) or runs_near(named) or " lander models lists the policies that ship."
    raise InputRefused(f"{named} does not exist.{hint}")


def _in_folder(folder: Path, imports: Sequence[str]) -> tuple[Path, str]:
    """The policy of a run's folder, or the newest one of a folder of runs."""
    if (folder / "policy.onnx").is_file():
        return folder / "policy.onnx", "of that folder"
    if not (folder / "checkpoint.safetensors").is_file():
        newest = newest_policy_in(folder)
        if newest is not None:
            return newest, "the last in that folder that was exported"
        run = newest_run_in(folder)
        if run is not None:
            raise InputRefused(
                f"{folder}: no run in it has a policy.onnx yet. Type: {_export_of(run, imports)}"
            )
    raise InputRefused(f"{folder}: a folder without policy.onnx. Make it with: {_export_of(folder, imports)}")


def _export_of(run: Path, imports: Sequence[str]) -> str:
    return shlex.join(["lander", "export", str(run), *import_options(imports)])
