"""Displays the progress of training: a panel on a terminal, a figure in a notebook, else plain lines.

The only file of the library that writes to a stream.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.training.notebook import NotebookDisplay, in_notebook
from lander_rl.training.words import (
    Clock,
    collecting,
    headline,
    how_selected,
    is_slow,
    line_of,
    number,
    selecting,
    share_and_time,
)
from lander_runtime.text import counted, printable
from lander_trainer.observer import TrainObserver

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.spinner import Spinner

    from lander_trainer import Progress, TrainConfig, UpdateMetrics

_LINE_SECONDS = 5.0


@contextmanager
def open_display(console: "Console | None" = None) -> Iterator[TrainObserver]:
    """The display of the progress that suits `console`; None means stderr, or the cell of a notebook."""
    from rich.live import Live

    if console is None and in_notebook():
        with NotebookDisplay() as display:
            yield display
        return
    console = console or stderr_console()
    if not console.is_terminal:
        yield LineDisplay(console)
        return
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        yield PanelDisplay(live)


def open_talk(progress: bool) -> tuple[Callable[[str], None], Callable[[str], None]]:
    """Two functions: one prints a line beside the progress, the other a warning.

    Both print to stderr, or to the cell of a notebook. Without `progress` the first does nothing and the
    second uses Python's `warnings`.
    """
    if not progress:
        return (lambda text: None), (lambda text: warnings.warn(text, stacklevel=2))

    def say(text: str) -> None:
        if in_notebook():
            # Jupyter shows stderr like an error.
            sys.stdout.write(printable(text) + "\n")
        else:
            stderr_console().print(printable(text), markup=False)

    return say, say


def stderr_console() -> "Console":
    """Stderr, for what is said beside a result."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class LineDisplay(TrainObserver):
    """Prints a line every few seconds, for logs."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._clock = Clock()
        self._last = time.monotonic()
        self._slow = False

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._console.print(headline(config, progress), markup=False)

    def on_collect(self, done: float, seconds: float) -> None:
        # What follows a slow first rollout is as slow: it is said that the rollout is over.
        self._slow = is_slow(done, seconds)
        if self._slow or time.monotonic() - self._last >= _LINE_SECONDS:
            self._last = time.monotonic()
            self._console.print(collecting(done, seconds), markup=False)

    def on_selection_start(self, episodes: int) -> None:
        if self._slow:
            self._console.print(selecting(episodes), markup=False)

    def on_update(self, metrics: "UpdateMetrics") -> None:
        self._clock.add(metrics)
        last = metrics.done >= 1.0
        if time.monotonic() - self._last < _LINE_SECONDS and not last:
            return
        self._last = time.monotonic()
        self._console.print(f"{line_of(metrics, self._clock)}  ({self._clock.shares()})", markup=False)


class PanelDisplay(TrainObserver):
    """Draws a bar and a few figures that stay in place, and a picture below them if there is one."""

    def __init__(self, live: "Live") -> None:
        self._live = live
        self._clock = Clock()
        self._headline = ""
        self._paid = ""
        self._config: TrainConfig | None = None
        self._spinner: Spinner | None = None
        self._slow = self._updated = False
        self._figures: RenderableType = ""
        self._below: RenderableType = ""

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._headline = headline(config, progress)
        self._paid = ", with its shaping" if config.shaping else ""
        self._config = config
        self._wait(f"collecting the first rollout, {counted(config.lanes * config.rollout_steps, 'step')}")

    def on_collect(self, done: float, seconds: float) -> None:
        self._slow = is_slow(done, seconds)
        self._wait(collecting(done, seconds))

    def on_selection_start(self, episodes: int) -> None:
        # The line would flicker for a selection that takes a moment.
        if not self._slow:
            return
        if self._updated:
            self._draw(selecting(episodes))
        else:
            self._wait(selecting(episodes))

    def _headed(self) -> "RenderableType":
        from rich.text import Text

        # The console cuts off long lines unless a text says otherwise.
        return Text(self._headline, style="dim", no_wrap=False, overflow="fold")

    def _wait(self, for_what: str) -> None:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        # One spinner all the time: a new one would start its movement again.
        self._spinner = self._spinner or Spinner("dots")
        self._spinner.update(text=Text(for_what))
        self._figures = Group(self._headed(), self._spinner)
        self._draw()

    def on_update(self, metrics: "UpdateMetrics") -> None:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        assert self._config is not None, "a run starts before its first update"
        self._updated = True
        self._clock.add(metrics)
        selected = how_selected(self._config, metrics.best_score)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=1.0, completed=metrics.done, width=40),
            share_and_time(metrics, self._clock),
        )
        rows = [
            ("steps", f"{metrics.steps:,}  ({self._clock.steps_per_second(metrics):,.0f} steps/s)"),
            ("mean return", f"{number(metrics.mean_return)}  (last 100 episodes of training{self._paid})"),
            ("best so far", f"{number(metrics.best_score)}  ({selected})"),
            ("time goes to", self._clock.shares()),
        ]
        self._figures = Group(self._headed(), bar, _folded(rows))
        self._draw()

    def show_below(self, picture: "RenderableType") -> None:
        """Draw `picture` below the figures, at once; it stays until the next one."""
        self._below = picture
        self._draw()
        self._live.refresh()

    def _draw(self, now: str = "") -> None:
        """Draw everything, with a line about what takes its time now."""
        from rich.console import Group
        from rich.text import Text

        lines = [Text(now, style="dim")] if now else []
        self._live.update(Group(self._figures, *lines, self._below))


def _folded(rows: Sequence[tuple[str, str]]) -> "RenderableType":
    """Names and values, a line each; a value that is too long goes on below its beginning."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), Text(value))
    return grid
