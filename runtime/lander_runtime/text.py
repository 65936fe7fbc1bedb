"""Text for people: rows as lines and as HTML, numbers with their nouns, no control characters.

Names and versions may come from a stranger's file, whose control characters could change a terminal.
"""

import base64
import html
from collections.abc import Iterable, Sequence

LONGEST = 200
"""Characters of one value; a longer one from a stranger's file is cut."""

_QUOTED = 60
"""Characters of a stranger's text that a message repeats."""

_PICTURES = {b"GIF8": "gif", b"\x89PNG": "png", b"<?xml": "svg+xml"}
"""What a picture's file begins with."""


def counted(number: int, noun: str) -> str:
    """For example `1 episode`, `0 ties` or `10,000 steps`; only for nouns whose plural adds an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable(text: str) -> str:
    """`text` without control characters, which could change the terminal."""
    return "".join(character for character in text if character.isprintable())


def printable_lines(text: str) -> str:
    """The same, but line breaks stay."""
    return "\n".join(printable(line) for line in text.split("\n"))


def quoted(text: str) -> str:
    """A stranger's text for a message: in quotes, cut, without control characters."""
    found = repr(text[:_QUOTED])
    if len(text) <= _QUOTED and len(found) <= 2 * _QUOTED:
        return found
    return f"{found[: 2 * _QUOTED].rstrip(found[-1])}...{found[-1]}"


def escaped(text: str) -> str:
    """`text` on one line, with the control characters written out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def aligned(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, a line each, the values below each other."""
    return "\n".join(f"{name}{value[:LONGEST]}".rstrip() for name, value in padded(rows))


def padded(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rows without control characters, and all names filled with spaces to one width."""
    shown = [(printable(name), printable(value)) for name, value in rows]
    width = max((len(name) for name, _ in shown), default=0) + 2
    return [(f"{name:<{width}}", value) for name, value in shown]


def columns(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in plain text: the first column to the left, figures to the right."""
    table = [[printable(cell)[:LONGEST] for cell in row] for row in (headings, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def html_text(text: str) -> str:
    """`text` as HTML shows it, without control characters."""
    return html.escape(printable(text)[:LONGEST])


def html_table(rows: Iterable[Sequence[str]], headings: Sequence[str] = ()) -> str:
    """A table for a notebook; the first cell of a row names it."""
    head = "".join(f"<th>{html_text(heading)}</th>" for heading in headings)
    body = "".join(
        f'<tr><th style="text-align:left">{html_text(first)}</th>'
        + "".join(f'<td style="text-align:left">{html_text(cell)}</td>' for cell in cells)
        + "</tr>"
        for first, *cells in rows
    )
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def html_picture(content: bytes, description: str) -> str:
    """A GIF, PNG or SVG inside the page itself, where no script in it runs; nothing for any other content."""
    kind = next((kind for start, kind in _PICTURES.items() if content.startswith(start)), None)
    if kind is None:
        return ""
    data = base64.b64encode(content).decode("ascii")
    alt = html_text(description)
    return f'<img alt="{alt}" src="data:image/{kind};base64,{data}" style="max-width:100%">'
