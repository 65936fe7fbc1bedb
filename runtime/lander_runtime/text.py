"""Text for people and programs: rows as lines and as HTML, numbers with their nouns, no control characters.

Names and versions may come from a stranger's file. Their control characters could change a terminal, and
their markup a page. There is one function for each place where such a text may go:

    a terminal             `printable`, `shortened` where it may be long
    a message              `quoted`, `first_line` of another program's error
    Markdown               `markdown_text`, `markdown_code` in a span, `markdown_line` in a block of code
    HTML                   `html_text`
    JSON                   `json_text`, `escaped` for the texts in it

"Printable" is what Python calls so: no control characters (C0, C1, DEL), no marks that turn the direction of
text, no line breaks, nothing unassigned or private, no half of a surrogate pair.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

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
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def shortened(text: str, longest: int = LONGEST) -> str:
    """`text` without control characters, and of at most `longest` characters; `…` stands for the rest."""
    # Cut before too, because it may be megabytes.
    shown = printable(text[: 4 * longest])
    return shown if len(shown) <= longest and len(text) <= 4 * longest else f"{shown[: longest - 1]}…"


def printable_lines(text: str) -> str:
    """The same, but line breaks stay."""
    return "\n".join(printable(line) for line in text.split("\n"))


def quoted(text: str, longest: int = _QUOTED) -> str:
    """A stranger's text for a message: in quotes, cut, without control characters."""
    found = repr(text[:longest])
    # Escapes are longer than what they stand for.
    most = max(longest + 2, 2 * _QUOTED)
    if len(text) <= longest and len(found) <= most:
        return found
    return f"{found[:most].rstrip(found[-1])}...{found[-1]}"


def escaped(text: str) -> str:
    """`text` on one line, with the control characters written out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def first_line(error: BaseException, longest: int = LONGEST) -> str:
    """The first line of an error's message, or its class where it says nothing; printable, and cut."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return escaped(lines[0][:longest])


_PLAIN_MARKDOWN = re.compile(r"[A-Za-z0-9{[](?:[A-Za-z0-9 .,;:()/+='%°²·±{}[\]-]|(?<=\w)_)*", re.ASCII)
_MEANT_AS_MARKDOWN = re.compile(r"//|www\.|\]\(|\]\[|\]:|^\d+[.)](?: |$)")
"""Links and lists, made of signs that mean nothing elsewhere."""


def markdown_text(text: str, longest: int = LONGEST) -> str:
    """`text` as Markdown shows it, in a sentence or a cell of a table: no markup, no link, no HTML."""
    shown = shortened(text, longest).strip()
    if _PLAIN_MARKDOWN.fullmatch(shown) and not _MEANT_AS_MARKDOWN.search(shown):
        return shown
    return re.sub(r"[!-/:-@\[-`{-~]", lambda sign: _ENTITIES.get(sign[0], f"\\{sign[0]}"), shown)


_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def markdown_code(text: str) -> str:
    """`text` for a span between backticks, which it cannot end, nor a cell of a table around it."""
    return shortened(text).replace("`", "'").replace("|", "¦")


def markdown_line(text: str) -> str:
    """A line of an indented block of code, where only a line break would end the block.

    It is not cut, because a command is copied from there; each part of it that may be long is cut before.
    """
    return printable(text)


def json_text(data: Any, **layout: Any) -> str:
    """`data` as JSON: what is not printable stands as an escape, all else as it is.

    Args:
        data: plain data; numbers must be finite.
        layout: `indent` and `separators` of `json.dumps`.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, **layout)
    return _NOT_ASCII.sub(lambda found: "".join(map(_json_character, found[0])), text)


_NOT_ASCII = re.compile(r"[^\n -~]+")
"""Of which some characters are not printable; a pattern, because a report may have a hundred million."""


def _json_character(character: str) -> str:
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def aligned(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, a line each, the values below each other."""
    return "\n".join(f"{name}{value}".rstrip() for name, value in padded(rows))


def padded(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rows without control characters, cut, and all names filled with spaces to one width."""
    shown = [(shortened(name), shortened(value)) for name, value in rows]
    width = max((len(name) for name, _ in shown), default=0) + 2
    return [(f"{name:<{width}}", value) for name, value in shown]


def columns(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in plain text: the first column to the left, figures to the right."""
    table = [[shortened(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def html_text(text: str) -> str:
    """`text` as HTML shows it, without control characters, and cut."""
    return html.escape(shortened(text))


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


def html_film(content: bytes) -> str:
    """An MP4 inside the page itself, which plays again and again; nothing for any other content."""
    if content[4:8] != b"ftyp":
        return ""
    data = base64.b64encode(content).decode("ascii")
    source = f"data:video/mp4;base64,{data}"
    return f'<video controls autoplay loop muted src="{source}" style="max-width:100%"></video>'


def html_picture(content: bytes, description: str) -> str:
    """A GIF, PNG or SVG inside the page itself, where no script in it runs; nothing for any other content."""
    kind = next((kind for start, kind in _PICTURES.items() if content.startswith(start)), None)
    if kind is None:
        return ""
    data = base64.b64encode(content).decode("ascii")
    alt = html_text(description)
    return f'<img alt="{alt}" src="data:image/{kind};base64,{data}" style="max-width:100%">'
