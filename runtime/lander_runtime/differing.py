"""The settings in which trainings differ, as short texts: for legends of pictures and names in tables."""

from collections.abc import Mapping, Sequence
from typing import Any

_LONG = 10_000
"""From here on a whole number is hard to read without its thousands."""


def differences(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """For each of `configs` the settings that are not equal in all, as short texts; `none` if missing."""
    names = dict.fromkeys(name for config in configs for name in config)
    differing = [
        name for name in names if any(config.get(name) != configs[0].get(name) for config in configs)
    ]
    return [{name: _in_short(config.get(name)) for name in differing} for config in configs]


def settings_in_short(settings: Mapping[str, str]) -> str:
    """Such as `seed 2, gamma 0.99`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _in_short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_in_short(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        return "x".join(map(_in_short, value))
    if isinstance(value, float):
        return f"{value:g}"
    # As people type it: 150_000_000.
    return f"{value:_}" if isinstance(value, int) and abs(value) >= _LONG else str(value)
