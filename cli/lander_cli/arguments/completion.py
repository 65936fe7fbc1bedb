"""What the shell offers after the Tab key. Reads names of files and presets; nothing is opened."""

from pathlib import Path

import typer

_PAIR = "="


def environment_ids(incomplete: str) -> list[str]:
    """Environments with presets; others work too, but Gymnasium takes too long to list them."""
    from lander_trainer.settings.preset_tables import preset_environments

    return [name for name in preset_environments() if name.startswith(incomplete)]


def preset_names(context: typer.Context, incomplete: str) -> list[str]:
    """Presets of the environment that has been typed, else LunarLander-v3's."""
    from lander_trainer.settings.preset_tables import preset_tables

    # An option that still lacks its value leaves the argument before it unread.
    env = context.params.get("env") or next(iter(context.args), "LunarLander-v3")
    return [name for name in preset_tables(env) if name.startswith(incomplete)]


def setting_names(incomplete: str) -> list[str]:
    """Settings of a training."""
    from lander_rl.catalogue.settings import settings

    return [one.name for one in settings() if one.name.startswith(incomplete)]


def assignments(incomplete: str) -> list[str]:
    """Settings with an equals sign, for `--set`; values are the user's."""
    if _PAIR in incomplete:
        return []
    return [name + _PAIR for name in setting_names(incomplete)]


def runs(incomplete: str) -> list[str]:
    """Folders of runs under `runs/`, newest first."""
    found = sorted(Path("runs").glob("*/*/metrics.jsonl"), key=lambda path: -path.stat().st_mtime)
    return [str(path.parent) for path in found if str(path.parent).startswith(incomplete)]


def policies(incomplete: str) -> list[str]:
    """Policy files of runs, newest first, then those that ship."""
    from lander_runtime.shipped import shipped_policies

    own = sorted(Path("runs").glob("*/*/policy.onnx"), key=lambda path: -path.stat().st_mtime)
    return [str(path) for path in (*own, *shipped_policies().values()) if str(path).startswith(incomplete)]
