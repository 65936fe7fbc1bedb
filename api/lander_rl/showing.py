"""How results show themselves: aligned lines in a terminal, small tables with pictures in a notebook.

Anything shown may come from a file of unknown origin. So control characters are left out of text, and HTML is
escaped.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lander_runtime.errors import LanderError
from lander_runtime.text import aligned, html_table, padded, printable

if TYPE_CHECKING:
    from rich.text import Text

Item = TypeVar("Item", covariant=True)

_CELL = 64
"""Characters of a cell in a terminal; longer text is cut, and a path never: it is there to be copied."""


def pairs(rows: Sequence[tuple[str, str]]) -> "Text":
    """Names and values, a line each, the values aligned and the names dim, for a terminal."""
    from rich.text import Text

    return Text("\n").join(Text.assemble((name, "dim"), value) for name, value in padded(rows))


class RowResult(ABC):
    """A result that shows itself as names and values, a line each."""

    @abstractmethod
    def rows(self) -> list[tuple[str, str]]:
        """The names and values."""

    def __repr__(self) -> str:
        return aligned(self.rows())

    def _repr_html_(self) -> str:
        return html_table(self.rows())


@contextmanager
def said_before_an_error(say: Callable[[str], None], result: Any) -> Iterator[None]:
    """Say what was found so far where a picture or a file beside it fails; the error goes on.

    What took minutes must not be lost with a full disk.
    """
    try:
        yield
    except (LanderError, OSError):
        say(repr(result))
        raise


class Listing(tuple[Item, ...]):
    """A tuple that shows itself as a table."""

    _columns: Mapping[str, Callable[[Any], str | Path]]
    _rows: Callable[[Any], Iterable[Any]]

    @classmethod
    def of(
        cls,
        items: Iterable[Item],
        columns: Mapping[str, Callable[[Any], str | Path]],
        rows: Callable[[Any], Iterable[Any]] = lambda item: (item,),
    ) -> "Listing[Item]":
        """A listing of `items`.

        Args:
            items: the tuple.
            columns: each heading, and a function from a row to its cell.
            rows: the rows of an item; by default one, the item itself.
        """
        listing = cls(items)
        listing._columns, listing._rows = columns, rows
        return listing

    def __repr__(self) -> str:
        if not self:
            return "(nothing)"
        rows = [list(self._columns), *([_in_terminal(cell) for cell in row] for row in self._cells())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        return html_table([list(map(str, row)) for row in self._cells()], list(self._columns))

    def _cells(self) -> list[list[str | Path]]:
        return [[show(row) for show in self._columns.values()] for item in self for row in self._rows(item)]


def _in_terminal(cell: str | Path) -> str:
    text = printable(str(cell))
    return text if isinstance(cell, Path) or len(text) <= _CELL else text[: _CELL - 1] + "…"
