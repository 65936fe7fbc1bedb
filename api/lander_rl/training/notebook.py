"""The progress of training in the cell of a notebook: one figure that grows in place, and a line below it."""

import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.training.live_curve import LiveCurve
from lander_rl.training.words import Clock, collecting, headline, is_slow, line_of, selecting
from lander_runtime.errors import LanderError
from lander_trainer.observer import TrainObserver

if TYPE_CHECKING:
    from lander_trainer import Progress, TrainConfig, UpdateMetrics

_SECONDS = 0.5
"""Between two pictures: more of them would only make the browser slower."""


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    shell = getattr(ipython, "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class NotebookDisplay(TrainObserver):
    """Draws; use it in a `with`, whose end draws the last update.

    Frontends without pictures show two lines, the second updated. A test may pass its own `display` for
    `IPython.display`.
    """

    def __init__(self, display: Any = None) -> None:
        self._display = display or import_module("IPython.display")
        self._clock = Clock()
        self._curve: LiveCurve | None = None
        self._headline = ""
        self._handle: Any = None
        self._waiting: UpdateMetrics | None = None
        self._last = 0.0
        self._slow = False

    def __enter__(self) -> "NotebookDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        if self._waiting is not None:
            self._draw(self._waiting)

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        from lander_trainer import RunDirectory

        self._headline = headline(config, progress)
        self._curve = LiveCurve(config.env, None if config.time_limit else config.steps, _threshold(config))
        for row in RunDirectory(run).read_metrics():
            self._curve.add(row["steps"], row["mean_return"], row["selection_score"])
        self._handle = self._display.display(self._content(""), raw=True, display_id=True)

    def on_collect(self, done: float, seconds: float) -> None:
        self._slow = is_slow(done, seconds)
        self._handle.update(self._content(collecting(done, seconds)), raw=True)

    def on_selection_start(self, episodes: int) -> None:
        if self._slow:
            self._handle.update(self._content(selecting(episodes)), raw=True)
            self._last = 0.0  # The next update takes the line away.

    def on_update(self, metrics: "UpdateMetrics") -> None:
        assert self._curve is not None
        self._clock.add(metrics)
        self._curve.add(metrics.steps, metrics.mean_return, metrics.selection_score)
        self._waiting = metrics
        if time.monotonic() - self._last >= _SECONDS or metrics.done >= 1.0:
            self._draw(metrics)

    def _draw(self, metrics: "UpdateMetrics") -> None:
        self._last, self._waiting = time.monotonic(), None
        line = f"{metrics.done:>4.0%} {line_of(metrics, self._clock)}"
        self._handle.update(self._content(line), raw=True)

    def _content(self, line: str) -> dict[str, str]:
        assert self._curve is not None
        plain = f"{self._headline}\n{line}"
        return {"text/plain": plain, "text/html": self._curve.html(self._headline, line)}


def _threshold(config: "TrainConfig") -> float | None:
    from lander_runtime import envs

    try:
        return envs.resolve(config.env, config.env_kwargs, config.env_wrappers).reward_threshold
    except LanderError:  # The figure is not worth the run.
        return None
