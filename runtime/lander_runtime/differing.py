"""The settings in which trainings differ, as short texts: for legends of pictures and names in tables."""

from collections.abc import Mapping, Sequence
from typing import Any

UNLIMITED = 10**12
"""Steps of a training that ends by its time: a number that no user chose."""

_LONG = 1_000
"""From here on a whole number has separators, as in all pictures and tables."""


def differences(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """For each of `configs` the settings that are not equal in all, as short texts; `none` if missing.

    Of a training that ends by its time the steps are left out. So is the missing time limit of one that ends
    by its steps beside it.
    """
    names = dict.fromkeys(name for config in configs for name in config)
    differing = [
        name for name in names if any(config.get(name) != configs[0].get(name) for config in configs)
    ]
    return [
        {name: _in_short(config.get(name), name) for name in _chosen(config, differing)} for config in configs
    ]


def _chosen(config: Mapping[str, Any], differing: Sequence[str]) -> list[str]:
    """The names among `differing` that say something about `config`."""
    silent = None
    if config.get("time_limit") is not None:
        silent = "steps" if config.get("steps") == UNLIMITED else None
    elif "steps" in differing:
        silent = "time_limit"
    return [name for name in differing if name != silent]


def settings_in_short(settings: Mapping[str, str]) -> str:
    """Such as `seed 2, gamma 0.99`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _in_short(value: Any, name: str = "") -> str:
    if value is None:
        return "none"
    if name == "time_limit":
        return f"{_in_short(value)} s"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_in_short(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        return "x".join(map(_in_short, value))
    if isinstance(value, float) and not (value.is_integer() and _LONG <= abs(value) < UNLIMITED):
        return f"{value:g}"
    # As people type it: 150_000_000.
    return f"{int(value):_}" if isinstance(value, int | float) and abs(value) >= _LONG else str(value)
