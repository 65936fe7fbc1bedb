"""One observer that passes everything on: to a display, and to trackers that may fail.

Apart from the trackers because the rule is one for all: a tracker never stops or changes a training.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lander_trainer.logs import RunLog, in_one_line

if TYPE_CHECKING:
    from lander_trainer.config import TrainConfig
    from lander_trainer.observer import TrainObserver
    from lander_trainer.runs.checkpoint import Progress
    from lander_trainer.runs.metrics import UpdateMetrics


class FanOut:
    """A `TrainObserver` of a display and any number of logs; leaving its context closes the logs.

    A log that raises is dropped and reported once to `on_failure`, in a sentence. Errors of the display
    are passed on.
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
        self._tell(lambda log: log.on_start(config, run, progress))

    def on_update(self, metrics: "UpdateMetrics") -> None:
        if self.display is not None:
            self.display.on_update(metrics)
        self._tell(lambda log: log.on_update(metrics))

    def __enter__(self) -> "FanOut":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell(lambda log: log.close())

    def _tell(self, what: Callable[[RunLog], None]) -> None:
        for name, log in list(self._logs.items()):
            try:
                what(log)
            # Whatever it is: these are packages of others, with networks and disks behind them.
            except Exception as error:
                del self._logs[name]
                self._on_failure(
                    f"The log {name} failed and is left out from here on ({in_one_line(error)}). "
                    "Training goes on; metrics.jsonl has every row."
                )
