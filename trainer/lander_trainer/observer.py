"""What a run tells its caller: an observer while it goes, a result when it ends.

A file of its own because progress displays and trackers need it and not the training loop.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lander_trainer.config import TrainConfig
from lander_trainer.runs.checkpoint import Progress
from lander_trainer.runs.metrics import UpdateMetrics


class TrainObserver(Protocol):
    """Is called with the progress of a run."""

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        """Before the first step; `config` names the backend and device that really run."""
        ...

    def on_update(self, metrics: UpdateMetrics) -> None:
        """After every update."""
        ...


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    run: Path
    """Its folder."""
    progress: Progress
    interrupted: bool
    """`stop` ended the run before its last update; the run can be resumed."""
    reached_target: bool
    """A selection scored at least `target_score`, which ended the run."""
