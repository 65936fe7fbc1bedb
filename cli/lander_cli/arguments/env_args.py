"""`--env-arg name=value`: arguments of an environment as people type them."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from lander_runtime.errors import UsageError

_WORDS: dict[str, Any] = {"true": True, "false": False, "none": None}


def read_env_args(texts: Sequence[str]) -> dict[str, Any]:
    """The values of `name=value` texts: true, false, none, whole numbers, other numbers, else text.

    Text that looks like one of those must stand in double quotes.

    Raises:
        UsageError: a text is not of that form, its name is no valid name, or a name is repeated.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name.isidentifier():
            raise UsageError(f"--env-arg {text!r} should be NAME=VALUE, such as enable_wind=true.")
        if name in values:
            raise UsageError(f"--env-arg {name} is given twice. Leave one out.")
        values[name] = _value(value, name)
    return values


def _value(text: str, name: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if re.fullmatch(r"[+-]?\d+(_\d+)*", text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return _unquoted(text)
    if not math.isfinite(number):
        raise UsageError(f"--env-arg {name}={text}: expected a finite number; put text in double quotes.")
    return number


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
