"""Reading a setting's value: from text (`--set KEY=VALUE`) or from plain data (TOML, JSON) to its type.

A file of its own because `config.py` says what the settings are, and this file how they are written.
"""

import difflib
import json
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from lander_runtime.envs.wrapping import wrappers_from_tables
from lander_runtime.errors import UsageError
from lander_runtime.spec import WrapperSpec
from lander_runtime.text import printable_lines, quoted, shortened
from lander_trainer.settings.stable_baselines import STABLE_BASELINES_NAMES, our_name
from lander_trainer.settings.usual_names import USUAL_NAMES


class SettingRefused(UsageError):
    """A value does not fit. Its arguments are the setting and what is wrong, which read on as one sentence.

    So a caller can name the setting as the user typed it.
    """

    def __str__(self) -> str:
        return printable_lines("".join(self.args))


def read_assignments(assignments: Iterable[str]) -> dict[str, str]:
    """Names and values of `key=value` texts; of a name given twice the last value counts.

    Raises:
        UsageError: a text has no `=`.
    """
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"{quoted(assignment)} is not of the form key=value, such as gamma=0.99.")
        values[name.strip()] = text.strip()
    return values


def convert(name: str, value: Any, types_by_name: Mapping[str, Any]) -> Any:
    """`value`, which may be text, as the type of the setting `name`.

    Args:
        name: of the setting.
        value: as text, or as TOML or JSON gives it.
        types_by_name: the type of every setting.

    Raises:
        UsageError: there is no such setting (the nearest name is suggested), or the value has another type.
    """
    if name not in types_by_name:
        ours = our_name(name)
        if ours is not None:
            theirs = STABLE_BASELINES_NAMES[ours]
            known = f"is Stable-Baselines3's {theirs}" if name != theirs else "is Stable-Baselines3's name"
            raise UsageError(f"{name!r} {known}. Here it is {ours!r}; see: lander settings {ours}")
        if name in USUAL_NAMES:
            ours = USUAL_NAMES[name]
            # Many names that lead to it are of a size, and it is a number.
            counted = ", how many a rollout is cut into" if ours == "minibatches" else ""
            raise UsageError(
                f"There is no setting {name!r}. Here it is {ours!r}{counted}; see: lander settings {ours}"
            )
        near = difflib.get_close_matches(name, types_by_name, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " To see all, type: lander settings"
        raise UsageError(f"There is no setting {quoted(name)}.{hint}")
    kind = types_by_name[name]
    try:
        return _parse(kind, value)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise SettingRefused(
            name, f"={shortened(str(value))} does not fit; expected {in_words(kind)}{_example(kind)}."
        ) from error


def _parse(kind: Any, value: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        if value in ("none", None):
            return None
        return _parse(typing.get_args(kind)[0], value)
    if kind is bool:
        return _parse_bool(value)
    if kind is int:
        return _parse_int(value)
    if kind is float:
        if isinstance(value, bool):
            raise ValueError(value)
        return float(value)
    if kind == tuple[int, ...]:
        parts = value.replace("x", ",").strip("[]()").split(",") if isinstance(value, str) else value
        return tuple(_parse_int(part) for part in parts)
    if kind == tuple[WrapperSpec, ...]:
        return wrappers_from_tables(json.loads(value) if isinstance(value, str) else value)
    if typing.get_origin(kind) is Mapping:
        return dict(json.loads(value) if isinstance(value, str) else value)
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _parse_bool(value: Any) -> bool:
    words = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError(value)
    return words[str(value).lower()]


def _parse_int(value: Any) -> int:
    """A whole number, also written as 1e6 or 1_000_000."""
    number = float(value) if isinstance(value, str) else value
    if number != int(number) or isinstance(value, bool):
        raise ValueError(value)
    return int(number)


def in_words(kind: Any) -> str:
    """What a setting of this type expects, such as `a whole number or none`."""
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(typing.get_args(kind))
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if kind == tuple[int, ...]:
        return "whole numbers such as 64,64"
    if kind == tuple[WrapperSpec, ...]:
        return "a list of tables with name and kwargs, as JSON,"
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return f"{in_words(typing.get_args(kind)[0])} or none"
    return names.get(kind, "a table of plain values, as JSON")


def _example(kind: Any) -> str:
    """How a number of this type is written; empty for other types."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _example(typing.get_args(kind)[0])
    return {int: ", such as 10_000 or 1e4", float: ", such as 0.5 or 1e-4"}.get(kind, "")


def in_figures(number: float) -> str:
    """A bound of a range, as `--set` takes it: whole numbers are written out, such as `2_147_483_647`."""
    return f"{int(number):_}" if number == int(number) else f"{number:g}"
