"""What a sweep searches: fixed settings, and others with their ranges.

env = "LunarLander-v3"
steps = 300_000

[settings]                                   # of every trial, as after --set
activation = "tanh"

[space]
learning_rate = { low = 1e-3, high = 6e-3, log = true }
epochs = { low = 3, high = 6 }               # whole numbers, for such a setting
gamma = [0.995, 0.998, 0.999]                # one of these
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from lander_rl.training.request import TrainRequest
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import read_regular
from lander_runtime.text import first_line, quoted, shortened
from lander_trainer import TrainConfig
from lander_trainer.config import CHANGES_NO_RESULT

_FIELDS = ("env", "preset", "steps", "time", "device", "backend", "env_args", "max_episode_steps", "settings")
"""Keys of a file that are fields of `TrainRequest`."""

_TYPES = {
    **dict.fromkeys(("env", "preset", "device", "backend"), str),
    **dict.fromkeys(("env_args", "settings"), dict),
}
"""Those that nothing else checks."""

_FIXED = {"env", "seed", "env_kwargs", "shaping", "env_wrappers", "time_limit", *CHANGES_NO_RESULT}
"""Settings that cannot be searched: they change the task, or no result."""

_LARGEST = 2**14
"""Bytes of a file. A key of many parts takes a time that grows with their square."""


@dataclass(frozen=True)
class SearchSpace:
    """What is searched."""

    train: TrainRequest
    """What every trial trains with; its `seed`, `out` and `log` are not used."""
    kinds: Mapping[str, BaseDistribution]
    """The range of each setting that is searched."""

    @classmethod
    def read(cls, path: Path) -> "SearchSpace":
        """The space in a file.

        Raises:
            InputRefused: there is no such file, or it is no TOML.
            UsageError: an unknown key or setting, or a range that is none.
        """
        try:
            table = tomllib.loads(read_regular(path, _LARGEST).decode())
        except (ValueError, RecursionError) as error:
            raise InputRefused(f"{path}: no readable TOML ({first_line(error)}).") from error
        for key in table:
            _check_known(key, (*_FIELDS, "space"), path)
        for key, kind in _TYPES.items():
            if not isinstance(table.get(key, kind()), kind):
                what = "text" if kind is str else "a table"
                raise UsageError(f"{path}: expected {what} as {key}, found {quoted(str(table[key]))}.")
        space = table.pop("space", None)
        if not isinstance(space, dict) or not space:
            raise UsageError(f"{path}: expected a table [space] of settings and their ranges.")
        twice = sorted(space.keys() & table.get("settings", {}).keys())
        if twice:
            raise UsageError(
                f"{path}: {quoted(twice[0])} is both fixed and searched. Leave out one of the two."
            )
        kinds = {name: _kind(name, value, path) for name, value in space.items()}
        return cls(TrainRequest(**table), kinds)

    def importing(self, modules: Sequence[str]) -> "SearchSpace":
        """The same, with modules that register environments."""
        imported = (*self.train.imports, *modules)
        return replace(self, train=replace(self.train, imports=imported))

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """The settings that `trial` is to try."""
        return {name: _suggested(trial, name, kind) for name, kind in self.kinds.items()}

    def request(self, params: Mapping[str, Any]) -> TrainRequest:
        """What a trial with these parameters trains; numbers have four digits, which can be typed."""
        settings = {name: rounded(value) for name, value in params.items()}
        return replace(self.train, settings={**self.train.settings, **settings}, out=None, log=())

    def params_of(self, config: TrainConfig) -> dict[str, Any]:
        """The settings of `config` as parameters, those outside their range left out."""
        values = {name: _as_choice(value) for name, value in config.to_dict().items()}
        return {
            name: values[name]
            for name, kind in self.kinds.items()
            if name in values and _holds(kind, values[name])
        }

    def to_json(self) -> dict[str, Any]:
        """The ranges as plain data, to compare with those of a study that is continued."""
        return {
            name: optuna.distributions.distribution_to_json(kind) for name, kind in sorted(self.kinds.items())
        }


def rounded(value: Any) -> Any:
    """A parameter as it is trained with."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _kind(name: str, value: Any, path: Path) -> BaseDistribution:
    types = {field.name: field.type for field in dataclasses.fields(TrainConfig)}
    if name in _FIXED:
        raise UsageError(f"{path}: {name} cannot be searched; it changes the task or no result.")
    if isinstance(value, list) and value:
        _check_values(name, value, path)
        return CategoricalDistribution([_as_choice(choice) for choice in value])
    if not isinstance(value, dict) or not {"low", "high"} <= set(value) <= {"low", "high", "log"}:
        raise UsageError(
            f"{path}: expected {shortened(name)} = {{ low = ..., high = ... }}, with log = true or without, "
            f"or a list of values; found {quoted(str(value))}."
        )
    low, high, log = value["low"], value["high"], value.get("log", False)
    _check_values(name, [low, high], path)
    if not isinstance(log, bool):
        raise UsageError(f"{path}: {name}: expected log = true or false, found {quoted(str(log))}.")
    try:
        if types[name] is int:
            return IntDistribution(int(low), int(high), log=log)
        return FloatDistribution(float(low), float(high), log=log)
    except (TypeError, ValueError) as error:
        reason = first_line(error).rstrip(".")
        raise UsageError(f"{path}: the range of {name} is none ({reason}).") from error


def _check_values(name: str, values: list[Any], path: Path) -> None:
    """Refuse unknown settings and impossible values, by the words of `lander train --set`."""
    for value in values:
        try:
            TrainConfig().with_values({name: value})
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error


def _check_known(key: str, known: tuple[str, ...], path: Path) -> None:
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
        raise UsageError(f"{path}: there is no key {quoted(key)}. {hint}")


def _suggested(trial: optuna.Trial, name: str, kind: BaseDistribution) -> Any:
    if isinstance(kind, FloatDistribution):
        return trial.suggest_float(name, kind.low, kind.high, log=kind.log)
    if isinstance(kind, IntDistribution):
        return trial.suggest_int(name, kind.low, kind.high, log=kind.log)
    assert isinstance(kind, CategoricalDistribution)
    return trial.suggest_categorical(name, kind.choices)


def _holds(kind: BaseDistribution, value: Any) -> bool:
    if isinstance(kind, CategoricalDistribution):
        return value in kind.choices
    assert isinstance(kind, FloatDistribution | IntDistribution)
    return kind.low <= value <= kind.high


def _as_choice(value: Any) -> Any:
    """Optuna stores no lists: widths of layers are text."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
