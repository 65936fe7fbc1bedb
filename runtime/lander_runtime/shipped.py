"""Where policies are found when nobody names one: the newest run, else what ships with the package."""

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def shipped_policies() -> dict[str, Path]:
    """The policies that ship, by the name of their folder, such as `lunarlander-v3`.

    In an installed wheel they lie inside this package, in a checkout under `models/` at its top.
    """
    for folder in (_HERE / "models", _HERE.parents[1] / "models"):
        if folder.is_dir():
            return {path.parent.name: path for path in sorted(folder.glob("*/policy.onnx"))}
    return {}


def newest_policy(root: Path = Path("runs")) -> Path | None:
    """The `policy.onnx` under `root` that was exported last; None where there is none."""
    policies = root.glob("*/*/policy.onnx")
    return max(policies, key=lambda path: path.stat().st_mtime, default=None)
