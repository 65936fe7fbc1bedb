"""Numbers, arrays and a stranger's words as C99 and C++ text.

Words may be anything: an end of a comment, a trigraph, a backslash at the end of a line. In a comment only
harmless characters are left; in a string all others are written as their bytes.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_IN_A_LINE = 8
"""Numbers of an array."""

_HARMLESS = re.compile(r"[^A-Za-z0-9 .,:;()\[\]_+=<>%'/-]")
"""Not `*`, which can end a comment, not `?`, which makes trigraphs, no backslash, and nothing that is not
ASCII, which compilers read in different ways."""

_LONGEST = 120
"""Characters of a stranger's words in a comment."""

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,30}")


def is_name(text: str) -> bool:
    """Whether all names of a header can begin with `text`: lower-case letters, digits and underscores."""
    # Two underscores in a row belong to the compiler in C++.
    return bool(_IDENTIFIER.fullmatch(text)) and "__" not in text and not text.endswith("_")


def in_comment(text: str) -> str:
    """`text` as it can stand in a comment, on one line."""
    return _HARMLESS.sub("_", text)[:_LONGEST]


def string(text: str) -> str:
    """`text` as a string literal."""
    written = []
    for byte in text.encode("utf-8", "replace"):
        character = chr(byte)
        plain = 32 <= byte < 127 and character not in '"\\?'
        written.append(character if plain else f"\\{byte:03o}")
    return f'"{"".join(written)}"'


def number(value: float | np.floating) -> str:
    """A float32 literal; nine digits give every float32 back. Hexadecimal ones are unknown to C++14."""
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if any(character in text for character in ".e") else f"{text}.0f"


def float_array(name: str, values: NDArray[np.float32]) -> str:
    """A constant array of one or two dimensions."""
    return _array("float", name, values.shape, map(number, values.ravel()))


def int_array(name: str, values: NDArray[np.int64]) -> str:
    """The same of integers."""
    return _array("int", name, values.shape, (str(int(value)) for value in values.ravel()))


def _array(kind: str, name: str, shape: tuple[int, ...], items: Iterable[str]) -> str:
    texts = list(items)
    if len(shape) == 1:
        body = _lines(texts, "    ")
    else:
        rows = [texts[start : start + shape[1]] for start in range(0, len(texts), shape[1])]
        body = ",\n".join("    {\n" + _lines(row, "        ") + "\n    }" for row in rows)
    sizes = "".join(f"[{size}]" for size in shape)
    return f"static const {kind} {name}{sizes} = {{\n{body}\n}};"


def _lines(texts: Sequence[str], indent: str) -> str:
    lines = [", ".join(texts[start : start + _IN_A_LINE]) for start in range(0, len(texts), _IN_A_LINE)]
    return ",\n".join(f"{indent}{line}" for line in lines)
