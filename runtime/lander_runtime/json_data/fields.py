"""Typed reads from untrusted JSON.

Texts come without control characters, which are written out (`text.escaped`). So no reader passes them on.

Every reader of untrusted JSON (metadata, checkpoint headers) uses `Fields`. A missing or malformed entry is
refused by name; without this it would show up later as a TypeError.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lander_runtime.errors import InputRefused
from lander_runtime.text import escaped, quoted


class Fields:
    """A JSON object whose entries are read with their expected type; unknown entries are ignored.

    `where` names the object in error messages, for example `policy.onnx: observation`.

    Raises:
        InputRefused: from the constructor, `data` is not an object; from the readers, an entry is missing
            or has another type.
    """

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise InputRefused(f"{where}: expected a JSON object, found {type(data).__name__}.")
        self.data: Mapping[str, Any] = data
        self.where = where

    @classmethod
    def parse(cls, text: str, where: str) -> "Fields":
        """Parse `text` as one JSON object.

        Raises:
            InputRefused: the text is not JSON, or not an object.
        """
        if _is_nested(text):
            raise InputRefused(
                f"{where}: not valid JSON (more than {DEEPEST} lists and objects in each other)."
            )
        try:
            data = json.loads(text, parse_float=_finite, parse_constant=_finite)
            if "\\ud" in text.lower():
                # A lone surrogate: JSON can contain one, UTF-8 cannot encode it.
                json.dumps(data, ensure_ascii=False).encode()
            return cls(data, where)
        except (ValueError, RecursionError) as error:
            raise InputRefused(f"{where}: not valid JSON ({error}).") from error

    def text(self, key: str) -> str:
        """A string, its control characters written out."""
        return escaped(self._typed(key, str, "a string"))

    def optional_text(self, key: str) -> str | None:
        return None if self.data.get(key) is None else self.text(key)

    def boolean(self, key: str) -> bool:
        return self._typed(key, bool, "true or false")

    def integer(self, key: str) -> int:
        value = self._typed(key, int, "an integer")
        if isinstance(value, bool):
            raise self.wrong(key, "an integer", value)
        return value

    def number(self, key: str) -> float:
        value = self._typed(key, (int, float), "a number")
        if isinstance(value, bool) or not is_finite(value):
            raise self.wrong(key, "a finite number", value)
        return float(value)

    def optional_number(self, key: str) -> float | None:
        return None if self.data.get(key) is None else self.number(key)

    def optional_integer(self, key: str) -> int | None:
        return None if self.data.get(key) is None else self.integer(key)

    def count(self, key: str) -> int:
        """An integer from 0 to 2^63 - 1."""
        value = self.integer(key)
        if not 0 <= value <= LARGEST_COUNT:
            raise self.wrong(key, f"from 0 to {LARGEST_COUNT}", value)
        return value

    def optional_count(self, key: str) -> int | None:
        return None if self.data.get(key) is None else self.count(key)

    def items(self, key: str) -> list[Any]:
        return self._typed(key, list, "a list")

    def shape(self, key: str) -> tuple[int, ...]:
        """A list of positive integers, as a tuple."""
        sizes = self.items(key)
        if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
            raise self.wrong(key, "a list of positive integers", sizes)
        return tuple(sizes)

    def mapping(self, key: str) -> dict[str, Any]:
        return self._typed(key, dict, "an object")

    def texts(self, key: str) -> dict[str, str]:
        """An object of strings, their control characters and those of the names written out."""
        found = self.child(key)
        return {escaped(name): found.text(name) for name in found.data}

    def sentences(self, key: str) -> tuple[str, ...]:
        """A list of strings, their control characters written out."""
        found = self.items(key)
        if not all(isinstance(sentence, str) for sentence in found):
            raise self.wrong(key, "a list of strings", found)
        return tuple(map(escaped, found))

    def plain(self, key: str) -> dict[str, Any]:
        """An object of plain values, such as settings, the control characters of its texts written out."""
        return _plain(self.mapping(key), lambda: self.wrong(key, "plain values", "lists in lists in lists"))

    def child(self, key: str) -> "Fields":
        return Fields(
            self.mapping(key), f"{self.where}: {key if len(key) <= 40 and key.isprintable() else quoted(key)}"
        )

    def _typed(self, key: str, kind: Any, expected: str) -> Any:
        if key not in self.data:
            raise InputRefused(f"{self.where}: the entry {quoted(key)} is missing; expected {expected}.")
        value = self.data[key]
        if not isinstance(value, kind):
            raise self.wrong(key, expected, value)
        return value

    def wrong(self, key: str, expected: str, value: object) -> InputRefused:
        """The error for an entry that exists and is not what was expected."""
        return InputRefused(f"{self.where}: {quoted(key)} should be {expected}, found {_in_short(value)}.")


LARGEST_COUNT = 2**63 - 1

_DEEPEST_SETTING = 16
"""Lists and objects inside each other; settings have three."""


def _plain(value: Any, too_deep: Callable[[], InputRefused], depth: int = 0) -> Any:
    if depth > _DEEPEST_SETTING:
        raise too_deep()
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, list):
        return [_plain(entry, too_deep, depth + 1) for entry in value]
    if isinstance(value, dict):
        return {escaped(name): _plain(entry, too_deep, depth + 1) for name, entry in value.items()}
    return value


def _in_short(value: object) -> str:
    """The start of `value` as Python writes it, without writing all of it."""
    if isinstance(value, str):
        return quoted(value)
    try:
        return repr(value)[:80]
    except (RecursionError, ValueError):  # Nested too deeply, or an integer of thousands of digits.
        return f"a large {type(value).__name__}"


DEEPEST = 64
"""Lists and objects inside each other, as many as an array of NumPy has axes. What is nested a thousand times
is read, and then ends whatever copies or prints it."""


def _is_nested(text: str) -> bool:
    """Whether more than `DEEPEST` lists and objects are inside each other."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    # Texts may hold brackets of any number, which counts only where a first look says that it might.
    return _depth(text) > DEEPEST and _depth(_TEXTS.sub("", text)) > DEEPEST


_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"')


def _depth(text: str) -> int:
    letters = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    opens, closes = (
        (letters == ord("[")) | (letters == ord("{")),
        (letters == ord("]")) | (letters == ord("}")),
    )
    return int(np.cumsum(opens.astype(np.int32) - closes, dtype=np.int32).max(initial=0))


def is_finite(value: float) -> bool:
    """Whether `value` is finite as a float; an integer of 400 digits overflows and is not."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _finite(text: str) -> float:
    """Refuse NaN and Infinity, which are not JSON, and 1e999, which Python reads as infinity."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value
