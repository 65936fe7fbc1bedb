"""A digest of plain data that anyone can compute again with any JSON library.

    hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())

gives the same. Here it is computed piece by piece, so that a report of a million episodes is never in
memory as text.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLICE = 10_000


def digest(data: Any) -> str:
    """SHA-256, in hexadecimal, of `data` as canonical JSON; arrays are written as lists, their NaN as null.

    Raises:
        ValueError: a number is infinite, or NaN outside an array.
    """
    sha256 = hashlib.sha256()
    for piece in _pieces(data):
        sha256.update(piece.encode())
    return sha256.hexdigest()


def plain_list(column: NDArray[Any]) -> list[Any]:
    """A column `[N]` as a list for JSON: Python numbers, None for NaN."""
    return [None if value != value else value for value in column.tolist()]


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield "{"
        for number, key in enumerate(sorted(value)):
            yield f"{',' if number else ''}{_compact(key)}:"
            yield from _pieces(value[key])
        yield "}"
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        for number, entry in enumerate(value):
            yield "," if number else "["
            yield from _pieces(entry)
        yield "]"
    elif isinstance(value, np.ndarray):
        yield "["
        for start in range(0, len(value), _SLICE):
            part = plain_list(value[start : start + _SLICE])
            yield f"{',' if start else ''}{_compact(part)[1:-1]}"
        yield "]"
    else:
        yield _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
