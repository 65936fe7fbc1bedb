"""The progress of a training run: a live panel on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lander_cli.terminal.console import err, pairs
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_trainer import Progress, TrainConfig, UpdateMetrics

_LINE_SECONDS = 5.0
_PARTS = ("environment", "inference", "update", "selection")


class Display(Protocol):
    """A `lander_trainer.TrainObserver` that draws."""

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None: ...

    def on_update(self, metrics: "UpdateMetrics") -> None: ...


@contextmanager
def open_display() -> Iterator[Display]:
    """A display as stderr allows."""
    console = err()
    if not console.is_terminal:
        yield LineDisplay(console)
        return
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        yield PanelDisplay(live)


class _Clock:
    """Sums up where the time went and guesses what is left."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(_PARTS, 0.0)
        self._start: tuple[float, float] | None = None
        """Share done and seconds at the end of the first update seen; a resumed run began before it."""

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
    """A line every few seconds, for logs."""

    def __init__(self, console: Console) -> None:
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
        self._console.print(
            f"{metrics.steps:>10,} steps  {self._clock.steps_per_second(metrics):>6,.0f} steps/s  "
            f"return {_number(metrics.mean_return):>7}  best {_number(metrics.best_score):>7}  "
            f"left {self._clock.left(metrics):>5}  ({self._clock.shares()})",
            markup=False,
        )


class PanelDisplay:
    """A bar and a few figures that stay in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._clock = _Clock()
        self._headline = ""
        self._paid = ""

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._headline = _headline(config, progress)
        self._paid = ", with its shaping" if config.shaping else ""

    def on_update(self, metrics: "UpdateMetrics") -> None:
        self._clock.add(metrics)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=1.0, completed=metrics.done, width=40),
            f"{metrics.done:.0%}, {self._clock.left(metrics)} left",
        )
        rows = [
            ("steps", f"{metrics.steps:,}  ({self._clock.steps_per_second(metrics):,.0f} steps/s)"),
            ("mean return", f"{_number(metrics.mean_return)}  (last 100 episodes of training{self._paid})"),
            ("best so far", f"{_number(metrics.best_score)}  (greedy, selection seeds)"),
            ("time goes to", self._clock.shares()),
        ]
        self._live.update(Group(Text(self._headline, style="dim"), bar, pairs(rows)))


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
    """Why the return of training is not to be compared with the best score."""
    if not config.shaping:
        return ""
    shaping = ", ".join(f"{name}={value}" for name, value in config.shaping.items())
    return f"; returns of training are shaped by {shaping}, scores are not"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
