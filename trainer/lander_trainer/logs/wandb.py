"""Weights & Biases: project `lander`, its files under `<run>/wandb/`. WANDB_MODE=offline needs no network.

The server refuses steps that it has already: after a crash it keeps the rows of the part that crashed, and
new rows follow them.
"""

import importlib
from pathlib import Path

from lander_trainer.config import TrainConfig
from lander_trainer.logs.scalars import scalars
from lander_trainer.logs.stored import PROJECT, keep_run_id, run_id, run_name, steps_reported
from lander_trainer.runs.checkpoint import Progress
from lander_trainer.runs.metrics import UpdateMetrics


class WandbLog:
    """Reports scalars over environment steps, the settings as the run's config."""

    def __init__(self, run_directory: Path, config: TrainConfig) -> None:
        self._reported = steps_reported(run_directory)
        known_as = run_id(run_directory, "wandb")
        # By name, because the package may be missing where types are checked.
        self._run = importlib.import_module("wandb").init(
            project=PROJECT,
            name=run_name(run_directory),
            id=known_as,
            resume="allow",
            dir=str(run_directory.resolve()),
            config=config.to_dict(),
            # Otherwise it copies everything printed, mainly the progress display.
            settings={"console": "off"},
        )
        keep_run_id(run_directory, "wandb", known_as)

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        """Nothing: opening the log has reported the settings."""

    def on_update(self, metrics: UpdateMetrics) -> None:
        if metrics.steps > self._reported:
            self._run.log(scalars(metrics), step=metrics.steps)

    def close(self) -> None:
        self._run.finish()
