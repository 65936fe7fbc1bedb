"""Trackio: project `lander` in Trackio's own local store (TRACKIO_DIR).

View it with `trackio show`.
"""

import importlib
import sys
from contextlib import redirect_stdout
from pathlib import Path

from lander_trainer.config import TrainConfig
from lander_trainer.logs.scalars import scalars
from lander_trainer.logs.stored import PROJECT, keep_run_id, run_id, run_name, steps_reported
from lander_trainer.runs.checkpoint import Progress
from lander_trainer.runs.metrics import UpdateMetrics


class TrackioLog:
    """Reports scalars over environment steps, the settings as the run's config."""

    def __init__(self, run_directory: Path, config: TrainConfig) -> None:
        # By name, because the package may be missing where types are checked.
        self._trackio = importlib.import_module("trackio")
        self._reported = steps_reported(run_directory)
        # Trackio finds a run by its name, in one store for all folders: the id makes the name unique.
        known_as = run_id(run_directory, "trackio")
        name = f"{run_name(run_directory)}-{known_as}"
        # It prints on stdout, which is for results.
        with redirect_stdout(sys.stderr):
            self._trackio.init(
                project=PROJECT, name=name, resume="allow", config=config.to_dict(), embed=False
            )
        keep_run_id(run_directory, "trackio", known_as)

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        """Nothing: opening the log has reported the settings."""

    def on_update(self, metrics: UpdateMetrics) -> None:
        if metrics.steps > self._reported:
            self._trackio.log(scalars(metrics), step=metrics.steps)

    def close(self) -> None:
        # Not `finish` of the run: after that, Trackio finishes it again at exit and prints on stdout.
        with redirect_stdout(sys.stderr):
            self._trackio.finish()
