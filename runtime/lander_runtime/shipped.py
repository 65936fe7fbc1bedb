"""Where to find a policy when none is named: the newest run, else the policies that ship."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent

_RUNS_AROUND = ("*/checkpoint.safetensors", "*/*/checkpoint.safetensors")
"""Of runs in a folder, or in a folder in it."""

_MOST_NAMED = 3


def shipped_policies() -> dict[str, Path]:
    """The paths of the policies that ship, by the name of their folder, such as `lunarlander-v3`.

    In an installed wheel they are inside this package; in a checkout, in `models/` at the top.
    """
    for folder in (_HERE / "models", _HERE.parents[1] / "models"):
        if folder.is_dir():
            return {path.parent.name: path for path in sorted(folder.glob("*/policy.onnx"))}
    return {}


def newest_policy(root: Path = Path("runs")) -> Path | None:
    """The `policy.onnx` under `root` that was exported last; None if there is none."""
    return _newest(root, "*/*/policy.onnx")


def newest_policy_in(folder: Path) -> Path | None:
    """The `policy.onnx` of a run in `folder`, or in a folder in it, that was exported last; else None."""
    return _newest(folder, "*/policy.onnx", "*/*/policy.onnx")


def newest_run_in(folder: Path) -> Path | None:
    """The run in `folder`, or in a folder in it, whose checkpoint was written last; None if there is none."""
    newest = _newest(folder, *_RUNS_AROUND)
    return None if newest is None else newest.parent


def newest_run(root: Path = Path("runs")) -> Path | None:
    """The run under `root` whose checkpoint was written last; None if there is no run."""
    newest = _newest(root, "*/*/checkpoint.safetensors")
    return None if newest is None else newest.parent


def newer_run(policy: Path, root: Path = Path("runs")) -> Path | None:
    """The newest run under `root`, where it was trained after `policy` was exported; else None."""
    newest = _newest(root, "*/*/checkpoint.safetensors")
    later = newest is not None and newest.stat().st_mtime > policy.stat().st_mtime
    return newest.parent if newest is not None and later else None


def runs_near(missing: Path) -> str:
    """A sentence with the newest runs around a path that is not there; nothing where there is no run.

    A file that is missing in a folder that is there is no matter of runs: nothing too.
    """
    if missing.suffix and missing.parent.is_dir():
        return ""
    folder = next(parent for parent in missing.parents if parent.is_dir())
    newest = _by_age(folder, *_RUNS_AROUND)[:_MOST_NAMED]
    if newest:
        return f" Runs there, newest first: {', '.join(str(path.parent) for path in newest)}."
    return " Nothing was trained there. Type: lander train" if missing.parts[:1] == ("runs",) else ""


def _newest(root: Path, *patterns: str) -> Path | None:
    return next(iter(_by_age(root, *patterns)), None)


def _by_age(root: Path, *patterns: str) -> list[Path]:
    """The newest first."""
    found = [path for pattern in patterns for path in root.glob(pattern)]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
