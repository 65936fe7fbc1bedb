"""Values of settings as people and files write them: text, TOML or JSON to the type that a setting has.

Apart from `config`, which says what the settings are.
"""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from lander_runtime.errors import UsageError
from lander_runtime.spec import WrapperSpec


def read_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """The names and values of `key=value` texts, as after `--set`.

    Raises:
        UsageError: one is not of that form.
    """
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"{assignment!r} is not of the form key=value, such as gamma=0.99.")
        values[name.strip()] = text.strip()
    return values


def parse(kind: Any, value: Any) -> Any:
    """`value`, which may be text, as `kind`, the annotation of a setting.

    Raises:
        ValueError, TypeError, KeyError, AttributeError or OverflowError: it does not fit.
    """
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        if value in ("none", None):
            return None
        return parse(typing.get_args(kind)[0], value)
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
        return _parse_wrappers(json.loads(value) if isinstance(value, str) else value)
    if typing.get_origin(kind) is Mapping:
        return dict(json.loads(value) if isinstance(value, str) else value)
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _parse_wrappers(values: Any) -> tuple[WrapperSpec, ...]:
    """Of plain tables; an empty list is no wrapper at all."""
    if not isinstance(values, list | tuple):
        raise TypeError(values)
    return tuple(
        value
        if isinstance(value, WrapperSpec)
        else WrapperSpec(str(value["name"]), dict(value.get("kwargs", {})))
        for value in values
    )


def _parse_bool(value: Any) -> bool:
    words = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError(value)
    return words[str(value).lower()]


def _parse_int(value: Any) -> int:
    """Whole numbers, also as 1e6 or 1_000_000."""
    number = float(value) if isinstance(value, str) else value
    if number != int(number) or isinstance(value, bool):
        raise ValueError(value)
    return int(number)


def in_words(kind: Any) -> str:
    """The annotation of a setting, such as `a number or none`."""
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
