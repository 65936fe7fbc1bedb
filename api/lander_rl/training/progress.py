"""Displays the progress of training: a panel on a terminal, a line in a notebook, else plain lines.

The only file of the library that writes to a stream.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.showing import pairs
from lander_runtime.text import counted, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from lander_trainer import Progress, TrainConfig, TrainObserver, UpdateMetrics

_LINE_SECONDS = 5.0
_NOTEBOOK_SECONDS = 0.5
_PARTS = ("environment", "inference", "update", "selection")


@contextmanager
def open_display(console: "Console | None" = None) -> "Iterator[TrainObserver]":
    """The display of the progress that suits `console`; None means stderr, or the cell of a notebook."""
    from rich.live import Live

    if console is None and in_notebook():
        yield NotebookDisplay()
        return
    console = console or _stderr()
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
            _stderr().print(printable(text), markup=False)

    return say, say


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class _Clock:
    """Sums the seconds of each part and estimates the time left."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(_PARTS, 0.0)
        self._start: tuple[float, float] | None = None
        """Share done and seconds after the first update seen; a resumed run does not start at zero."""

    def add(self, metrics: "UpdateMetrics") -> None:
        for part in _PARTS:
            self.seconds[part] += getattr(metrics, f"{part}_seconds")
        self._start = self._start or (metrics.done, sum(self.seconds.values()))

    def shares(self) -> str:
        """Such as `environment 48%, inference 9%, update 41%, selection 2%`."""
        total = sum(self.seconds.values()) or 1.0
        return ", ".join(f"{part} {seconds / total:.0%}" for part, seconds in self.seconds.items())

    def steps_per_second(self, metrics: "UpdateMetrics") -> float:
        return metrics.steps / max(metrics.seconds, 1e-9)

    def left(self, metrics: "UpdateMetrics") -> str:
        first, before = self._start or (metrics.done, 0.0)
        share, spent = metrics.done - first, sum(self.seconds.values()) - before
        seconds = spent / share * (1.0 - metrics.done) if share > 0 else 0.0
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class LineDisplay:
    """Prints a line every few seconds, for logs."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._clock = _Clock()
        self._last = time.monotonic()

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._console.print(_headline(config, progress), markup=False)

    def on_update(self, metrics: "UpdateMetrics") -> None:
        self._clock.add(metrics)
        last = metrics.done >= 1.0
        if time.monotonic() - self._last < _LINE_SECONDS and not last:
            return
        self._last = time.monotonic()
        self._console.print(f"{_line(metrics, self._clock)}  ({self._clock.shares()})", markup=False)


class PanelDisplay:
    """Draws a bar and a few figures that stay in place."""

    def __init__(self, live: "Live") -> None:
        self._live = live
        self._clock = _Clock()
        self._headline = ""
        self._paid = ""
        self._selected = ""

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._headline = _headline(config, progress)
        self._paid = ", with its shaping" if config.shaping else ""
        self._selected = how_selected(config)

    def on_update(self, metrics: "UpdateMetrics") -> None:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        self._clock.add(metrics)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=1.0, completed=metrics.done, width=40),
            f"{metrics.done:.0%}, {self._clock.left(metrics)} left",
        )
        rows = [
            ("steps", f"{metrics.steps:,}  ({self._clock.steps_per_second(metrics):,.0f} steps/s)"),
            ("mean return", f"{_number(metrics.mean_return)}  (last 100 episodes of training{self._paid})"),
            ("best so far", f"{_number(metrics.best_score)}  ({self._selected})"),
            ("time goes to", self._clock.shares()),
        ]
        self._live.update(Group(Text(self._headline, style="dim"), bar, pairs(rows)))


class NotebookDisplay:
    """Two lines in a cell, the second updated. A test may pass its own `display` for `IPython.display`."""

    def __init__(self, display: Any = None) -> None:
        self._display = display or import_module("IPython.display")
        self._clock = _Clock()
        self._headline = ""
        self._handle: Any = None
        self._last = 0.0

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._headline = _headline(config, progress)
        self._handle = self._display.display(self._text(""), raw=True, display_id=True)

    def on_update(self, metrics: "UpdateMetrics") -> None:
        self._clock.add(metrics)
        last = metrics.done >= 1.0
        if time.monotonic() - self._last < _NOTEBOOK_SECONDS and not last:
            return
        self._last = time.monotonic()
        line = f"{metrics.done:>4.0%} {_line(metrics, self._clock)}"
        self._handle.update(self._text(line), raw=True)

    def _text(self, line: str) -> dict[str, str]:
        return {"text/plain": f"{self._headline}\n{line}"}


def how_selected(config: "TrainConfig") -> str:
    """What a selection score is the mean of, in words for its reader."""
    simulated = ", in the simulator" if config.selection_backend == "native" else ""
    return f"greedy, selection seeds{simulated}"


def _line(metrics: "UpdateMetrics", clock: _Clock) -> str:
    return (
        f"{metrics.steps:>10,} steps  {clock.steps_per_second(metrics):>6,.0f} steps/s  "
        f"return {_number(metrics.mean_return):>7}  best {_number(metrics.best_score):>7}  "
        f"left {clock.left(metrics):>5}"
    )


def _headline(config: "TrainConfig", progress: "Progress") -> str:
    limit = config.time_limit
    length = counted(config.steps, "step") if limit is None else f"{limit:g} s"
    start = f", from step {progress.steps:,}" if progress.steps else ""
    if progress.resumed:
        start += ", not what one run without a break gives"
    return (
        f"{counted(config.lanes, 'lane')} on {config.backend}, networks on {config.device}, "
        f"{length}, seed {config.seed}{start}{_paid_with(config)}"
    )


def _paid_with(config: "TrainConfig") -> str:
    """A note that shaped returns of training cannot be compared with the best score."""
    if not config.shaping:
        return ""
    shaping = ", ".join(f"{name}={value}" for name, value in config.shaping.items())
    return f"; returns of training are shaped by {shaping}, scores are not"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
