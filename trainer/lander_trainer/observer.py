"""What a run tells its caller: an observer while it goes, a result when it ends.

A file of its own, so that progress displays and trackers need not load the training loop.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lander_trainer.config import TrainConfig
    from lander_trainer.runs.checkpoint import Progress
    from lander_trainer.runs.metrics import UpdateMetrics


class TrainObserver(Protocol):
    """Is called with the progress of a run. Inherit from it and write the methods that you need.

        class Watch(TrainObserver):
            def __init__(self) -> None:
                self.bad_updates = 0

            def on_update(self, metrics):
                critic = metrics.explained_variance
                self.bad_updates = self.bad_updates + 1 if critic is not None and critic < 0.0 else 0

            def is_stuck(self) -> bool:
                return self.bad_updates >= 20

        watch = Watch()
        run = lander_rl.train("CartPole-v1", observer=watch, stop=watch.is_stuck)

    To end a run early, give `train` a function as `stop`: it is called after `on_update`, and True saves the
    run and ends it; `examples/early_stopping.py` is a whole program. An error that an observer raises ends
    the run without saving. Methods are called between updates, in the caller's thread, so what they take is
    added to the duration of the run but not to its `seconds`.
    """

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        """Called once, before the first step.

        Args:
            config: the settings; backend, device, workers and learner are those that really run.
            run: the run's folder.
            progress: how far the run has come; all zero, unless it is resumed.
        """
        ...

    def on_update(self, metrics: "UpdateMetrics") -> None:
        """Called after every update, when its row is in `metrics.jsonl`; `metrics` has what the row has."""
        ...


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    run: Path
    """Its folder."""
    progress: "Progress"
    interrupted: bool
    """`stop` ended the run before its last update; the run can be resumed."""
    reached_target: bool
    """A selection scored at least `target_score`, which ended the run."""
