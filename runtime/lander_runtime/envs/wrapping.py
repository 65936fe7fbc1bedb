"""Wrappers as people write them: tables of TOML and JSON, and the short forms of `--wrap`.

Apart from `wrappers.py`, which has wrappers of ours; what is read here may be any on the list `WRAPPERS`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lander_runtime.errors import UsageError
from lander_runtime.spec import WrapperSpec
from lander_runtime.text import quoted

Wrap = str | Sequence[WrapperSpec | Mapping[str, Any]]
"""JSON or names as text, or a list of `{"name": ..., "kwargs": {...}}`."""


def wrappers_from_tables(values: Any) -> tuple[WrapperSpec, ...]:
    """Wrappers from plain tables, innermost first; an empty list means no wrapper at all.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: these are no such tables.
    """
    if not isinstance(values, list | tuple):
        raise TypeError(values)
    return tuple(
        value
        if isinstance(value, WrapperSpec)
        else WrapperSpec(str(value["name"]), dict(value.get("kwargs", {})))
        for value in values
    )


def read_wrap(wrap: Wrap) -> tuple[WrapperSpec, ...]:
    """The wrappers of `--wrap`: JSON, a name, or names with commas, the innermost first.

    Raises:
        UsageError: it is none of these.
    """
    try:
        return wrappers_from_tables(_tables(wrap.strip()) if isinstance(wrap, str) else wrap)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"--wrap {quoted(str(wrap))} should be names with commas, or JSON such as "
            """'[{"name": "FrameStackObservation", "kwargs": {"stack_size": 4}}]'."""
        ) from error


def wrap_in_words(wrappers: Sequence[WrapperSpec]) -> str:
    """The text that `read_wrap` reads back, as short as it can be."""
    if wrappers and not any(wrapper.kwargs for wrapper in wrappers):
        return ",".join(wrapper.name for wrapper in wrappers)
    return json.dumps([wrapper.to_json() for wrapper in wrappers])


def _tables(text: str) -> Any:
    if not text.startswith(("[", "{")):
        names = [name.strip() for name in text.split(",")]
        if not all(names):
            raise ValueError(text)
        return [{"name": name} for name in names]
    found = json.loads(text)
    return [found] if isinstance(found, dict) else found
