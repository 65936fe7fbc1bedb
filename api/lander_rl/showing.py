"""How results show themselves: aligned lines in a terminal, small tables with pictures in a notebook.

Everything that is shown may come from a stranger's file or a folder's name, so control characters are left
out of text and everything is escaped in HTML.
"""

import base64
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lander_runtime.text import printable

if TYPE_CHECKING:
    from rich.text import Text

Item = TypeVar("Item", covariant=True)

_CELL = 64
"""Characters of a cell in a terminal; longer ones are cut."""

_LARGEST_PICTURE = 8_000_000
"""Bytes; a notebook keeps every picture in its file."""

_KINDS = {".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml"}


def lines(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values, a line each, the values aligned."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {printable(value)}" for name, value in rows)


def pairs(rows: Sequence[tuple[str, str]]) -> "Text":
    """The same for a terminal, the names dim."""
    from rich.text import Text

    width = max(len(name) for name, _ in rows)
    return Text("\n").join(
        Text.assemble((f"{name:<{width}}  ", "dim"), printable(value)) for name, value in rows
    )


def html_lines(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values as a table without a head."""
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{_escaped(name)}</th>'
        f'<td style="text-align:left">{_escaped(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table>{body}</table>"


def html_picture(path: Path | None, alt: str) -> str:
    """The picture in `path` as part of the page, nothing where there is none or it is too large."""
    try:
        if path is None or path.stat().st_size > _LARGEST_PICTURE:
            return ""
        kind, content = _KINDS[path.suffix.lower()], base64.b64encode(path.read_bytes()).decode()
    except (OSError, KeyError):
        return ""
    return f'<img src="data:{kind};base64,{content}" alt="{_escaped(alt)}" style="max-width:100%">'


class Listing(tuple[Item, ...]):
    """A tuple that shows itself as a table, a row for each item."""

    _columns: Mapping[str, Callable[[Any], str]]

    @classmethod
    def of(cls, items: Iterable[Item], columns: Mapping[str, Callable[[Any], str]]) -> "Listing[Item]":
        """A listing of `items`; `columns` has what each column shows of an item, by the column's head."""
        listing = cls(items)
        listing._columns = columns
        return listing

    def __repr__(self) -> str:
        if not self:
            return "(nothing)"
        rows = [list(self._columns), *([_cut(printable(cell)) for cell in row] for row in self._cells())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{_escaped(name)}</th>' for name in self._columns)
        body = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{_escaped(cell)}</td>' for cell in row) + "</tr>"
            for row in self._cells()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _cells(self) -> list[list[str]]:
        return [[show(item) for show in self._columns.values()] for item in self]


def _cut(text: str) -> str:
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _escaped(text: str) -> str:
    return html.escape(printable(text))
