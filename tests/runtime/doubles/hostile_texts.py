"""Texts as files of strangers may hold them, where they are planted, and what no output may show of them.

Whatever a command says, writes or draws has no control character of the file in it, no line of its own, no
markup, and no more than 200 characters of one text.
"""

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

Planted = tuple[str | int, ...]
"""The way to a text inside of JSON: keys and indices. A key itself where the last one is `KEY`."""

KEY = "the key itself"

HALF = "\udcff"
"""Half of a surrogate pair: JSON can hold it, UTF-8 cannot."""

EVIL = (
    "\x1b[2J\x1b]8;;http://evil.example\x07\r\n\n# Evil\n\n<script>alert(1)</script><img src=x>\t\x00\x7f"
    "\x85\x9b31m\u200f\u202e\u2066\u2028\ufeff`` ``` ~~~ | [bold red]a[/] [a](http://evil.example) "
    "![a](b) ${a} %s {0} $\\frac{a}$ \U000e0041" + "Q" * 5000
)
MARKED = "# [bold]<b>`|`</b>[/] [a](http://evil.example)"
"""Printable, so no reader refuses or changes it."""


GYMNASIUM = "](https://gymnasium.farama.org)"
"""The one link in every card."""


def check_shown(text: str) -> None:
    """A terminal's output, or a text in JSON."""
    bad = {c for c in text if not c.isprintable() and c != "\n"}
    assert not bad, f"{bad!r} in {text[:2000]!r}"
    assert "Q" * 201 not in text


def check_lines(text: str) -> None:
    check_shown(text)
    assert not re.search(r"^\s*# Evil", text, re.MULTILINE)


def check_json(text: str) -> None:
    """As it stands on the terminal, and each text in it as a program gets it."""
    assert all(c.isprintable() or c == "\n" for c in text)
    for value in texts_of(json.loads(text)):
        assert value.isprintable(), value[:200]


class Tags(HTMLParser):
    """Refuses the elements that the texts of this test would make."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "b", "a")
        assert tag != "img" or (dict(attrs)["src"] or "").startswith("data:image/")


def check_html(text: str) -> None:
    check_lines(text)
    Tags().feed(text)


def texts_of(data: Any) -> Iterator[str]:
    """All texts and keys in `data`."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from texts_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts_of(value)


def places_in(data: Any, way: Planted = ()) -> Iterator[Planted]:
    """The way to each text in `data`, and to one key of each object; of a list's entries only the first."""
    if isinstance(data, str):
        yield way
    elif isinstance(data, dict):
        if data and way:
            yield (*way, next(iter(data)), KEY)
        for key, value in data.items():
            yield from places_in(value, (*way, key))
    elif isinstance(data, list) and data:
        yield from places_in(data[0], (*way, 0))


def planted(data: Any, way: Planted, text: str) -> Any:
    """A copy of `data` with `text` there."""
    if not way:
        return text
    first, *rest = way
    if rest == [KEY]:
        return {text if key == first else key: value for key, value in data.items()}
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[first] = planted(data[first], tuple(rest), text)
    return copy


def named(way: Planted) -> str:
    return ".".join(map(str, way))


def tried(lander: Callable[..., Any], *arguments: object) -> Any:
    """Run the command, which may succeed or refuse, and check what it says."""
    outcome = lander(*arguments)
    assert outcome.code in (0, 1, 2, 3), outcome
    check_lines(outcome.err)
    if "--json" in arguments:
        if outcome.code == 0:
            check_json(outcome.out)
    else:
        check_lines(outcome.out)
    return outcome
