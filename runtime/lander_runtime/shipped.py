"""Where to find a policy when none is named: the newest run, else the policies that ship."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent


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
    policies = root.glob("*/*/policy.onnx")
    return max(policies, key=lambda path: path.stat().st_mtime, default=None)
