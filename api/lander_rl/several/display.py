"""Displays the progress of several trainings: a table on a terminal, else a line every few seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from lander_rl.several.training_worker import Status
from lander_rl.training.progress import stderr_console
from lander_rl.training.words import number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

_LINE_SECONDS = 5.0


class TrainingsDisplay(Protocol):
    """Shows how far several trainings are."""

    def show(self, rows: dict[str, Status]) -> None:
        """How far each is, by a name such as `seed 1` or `trial 7`."""
        ...


@contextmanager
def open_table(console: "Console | None" = None) -> Iterator[TrainingsDisplay]:
    """The display that suits `console`, by default stderr."""
    from rich.live import Live

    console = console or stderr_console()
    if not console.is_terminal:
        yield LinesDisplay(console)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield TableDisplay(live)


class LinesDisplay:
    """Prints a line every few seconds where something has changed, for logs and notebooks."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._last = time.monotonic()
        self._printed = ""

    def show(self, rows: dict[str, Status]) -> None:
        if time.monotonic() - self._last < _LINE_SECONDS:
            return
        texts = [
            f"{name} {status.done:.0%} best {number(status.best_score)}" for name, status in rows.items()
        ]
        line = "  ".join(texts)
        if line != self._printed:
            self._last, self._printed = time.monotonic(), line
            self._console.print(line, markup=False)


class TableDisplay:
    """A row for each training, in place."""

    def __init__(self, live: "Live") -> None:
        self._live = live

    def show(self, rows: dict[str, Status]) -> None:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for name, status in rows.items():
            bar = ProgressBar(total=1.0, completed=status.done, width=24)
            table.add_row(
                name,
                bar,
                f"{status.done:.0%}",
                f"{status.steps:,} steps",
                f"return {number(status.mean_return)}",
                f"best {number(status.best_score)}",
            )
        self._live.update(table)
