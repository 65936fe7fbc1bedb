"""The files of presets as plain tables: `preset_files/<env-id>.toml`, each preset a table of settings.

`[NAME.native]` has those that differ when the simulator trains. Beside their settings both may say what a
policy trained with them scores and how long that takes (`measured`); docs/environments.md and docs/doom.md
have the machine, the date and the command. Apart from `presets`, so that a list does not load PyTorch.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

_PACKAGE, _FOLDER = "lander_trainer", "preset_files"

_ANY = "any"
"""The file for environments that have none of their own."""


@dataclass(frozen=True)
class Measured:
    """What a policy that was trained with a preset scored, on the scoring seeds, and how long it trained.

    A policy that ships has its score in its own file.
    """

    score: float | None = None
    """Mean undiscounted return."""
    std: float | None = None
    episodes: int | None = None
    seconds: float | None = None
    """By the clock, or of the busier core, on 2 cores of an AMD EPYC server."""


@dataclass(frozen=True)
class PresetTable:
    """One preset as its file has it."""

    settings: Mapping[str, Any]
    native: Mapping[str, Any]
    """Settings that replace those in `settings` on the backend `native`."""
    measured: Measured
    native_measured: Measured
    """With the settings of `native`."""


def preset_environments() -> list[str]:
    """Ids of the environments that have presets of their own, in order of the alphabet."""
    return sorted(name.removesuffix(".toml") for name in _listed() if name != f"{_ANY}.toml")


def preset_tables(env_id: str) -> dict[str, PresetTable]:
    """The presets for `env_id` by name; those of `any.toml` where it has no file of its own."""
    text = (files(_PACKAGE) / preset_file(env_id)).read_text(encoding="utf-8")
    return {name: _preset(table) for name, table in tomllib.loads(text).items()}


def preset_file(env_id: str) -> str:
    """The file with the presets for `env_id`, as its path in this package."""
    # The id may hold anything that a person can type; only a name that is listed becomes a path.
    file = f"{env_id}.toml" if f"{env_id}.toml" in _listed() else f"{_ANY}.toml"
    return f"{_FOLDER}/{file}"


def _preset(table: dict[str, Any]) -> PresetTable:
    native = table.get("native", {})
    plain = {key: value for key, value in table.items() if key != "native"}
    return PresetTable(_settings(plain), _settings(native), _measured(plain), _measured(native))


def _settings(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != "measured"}


def _measured(table: dict[str, Any]) -> Measured:
    return Measured(**table.get("measured", {}))


def _listed() -> set[str]:
    return {entry.name for entry in _folder().iterdir() if entry.name.endswith(".toml")}


def _folder() -> Traversable:
    return files(_PACKAGE) / _FOLDER
