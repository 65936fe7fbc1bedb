"""One observer that calls several: a display, and trackers that may fail.

Separate from the trackers because one rule holds for all: a tracker never stops or changes a training.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lander_trainer.logs import RunLog, in_one_line

if TYPE_CHECKING:
    from lander_trainer.config import TrainConfig
    from lander_trainer.observer import Policy, TrainObserver
    from lander_trainer.runs.checkpoint import Progress
    from lander_trainer.runs.metrics import UpdateMetrics


class FanOut:
    """A `TrainObserver` that calls a display and any number of logs; leaving its context closes the logs.

    A log that raises is removed, and `on_failure` is called once with a sentence about it. Errors of the
    display reach the caller.
    """

    def __init__(
        self,
        logs: Mapping[str, RunLog],
        on_failure: Callable[[str], None],
        display: "TrainObserver | None" = None,
    ) -> None:
        self.display = display
        self._logs = dict(logs)
        self._on_failure = on_failure

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        if self.display is not None:
            self.display.on_start(config, run, progress)
        self._call_logs(lambda log: log.on_start(config, run, progress))

    def on_collect(self, done: float, seconds: float) -> None:
        if self.display is not None:
            self.display.on_collect(done, seconds)

    def on_update(self, metrics: "UpdateMetrics") -> None:
        if self.display is not None:
            self.display.on_update(metrics)
        self._call_logs(lambda log: log.on_update(metrics))

    def on_selection_start(self, episodes: int) -> None:
        if self.display is not None:
            self.display.on_selection_start(episodes)

    def on_selection(self, score: float, policy: "Policy") -> None:
        if self.display is not None:
            self.display.on_selection(score, policy)

    def __enter__(self) -> "FanOut":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call_logs(lambda log: log.close())

    def _call_logs(self, call: Callable[[RunLog], None]) -> None:
        for name, log in list(self._logs.items()):
            try:
                call(log)
            # Any error: these packages use networks and disks, and can raise anything.
            except Exception as error:
                del self._logs[name]
                self._on_failure(
                    f"The log {name} failed and is left out from here on ({in_one_line(error)}). "
                    "Training goes on; metrics.jsonl has every row."
                )
