"""Experiment trackers beside `metrics.jsonl`: TensorBoard, Weights & Biases, Trackio.

Each is a `TrainObserver` in its own file: the training loop does not depend on trackers, and a package that
is not installed is never imported.

tensorboard.py  TensorBoard
wandb.py        Weights & Biases
trackio.py      Trackio
fan_out.py      calls several observers; a tracker that fails never stops a training
scalars.py      the numbers of an update, under the same names for all
stored.py       for trackers that keep their rows outside the run's folder
"""

import difflib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lander_runtime.errors import LanderError, MachineLacks, UsageError

if TYPE_CHECKING:
    from lander_trainer.config import TrainConfig
    from lander_trainer.runs.checkpoint import Progress
    from lander_trainer.runs.metrics import UpdateMetrics


class RunLog(Protocol):
    """A `TrainObserver` that holds files or connections until it is closed."""

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None: ...

    def on_update(self, metrics: "UpdateMetrics") -> None: ...

    def close(self) -> None:
        """Write what is still in memory; no call may follow."""
        ...


INSTALL = {
    "tensorboard": "pip install 'lander-rl[log]'",
    "wandb": "pip install wandb",
    "trackio": "pip install trackio",
}
"""The trackers by name, each with the command that installs what it needs."""


def check_log(name: str) -> None:
    """Check that the tracker `name` can be opened on this machine; imports its package.

    Raises:
        UsageError: there is no such tracker.
        MachineLacks: its package is not installed.
    """
    if name not in INSTALL:
        near = difflib.get_close_matches(name, INSTALL, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(INSTALL)}."
        raise UsageError(f"There is no log {name!r}; {hint}")
    try:
        package = importlib.import_module("torch.utils.tensorboard" if name == "tensorboard" else name)
    except ImportError as error:
        raise MachineLacks(f"The log {name} needs a package ({error}). Type: {INSTALL[name]}") from error
    # wandb leaves a folder `wandb` where it runs; Python imports that as an empty package of the same name.
    if package.__file__ is None:
        raise MachineLacks(f"The log {name} needs the package {name!r}. Type: {INSTALL[name]}")


def open_log(name: str, run_directory: Path, config: "TrainConfig") -> RunLog:
    """The tracker `name` for the run in `run_directory`; open it before training starts.

    Args:
        name: a key of `INSTALL`.
        run_directory: the run's folder; its `metrics.jsonl` shows which steps were reported before a resume.
        config: the settings, reported as hyperparameters.

    Raises:
        UsageError: there is no such tracker.
        MachineLacks: its package is not installed, or cannot start (no login, no network).
    """
    check_log(name)
    try:
        return _opener(name)(run_directory, config)
    except LanderError:
        raise
    except Exception as error:
        offline = " To stay on this machine, set WANDB_MODE=offline." if name == "wandb" else ""
        raise MachineLacks(
            f"The log {name} does not start ({in_one_line(error)}). Train without --log {name}.{offline}"
        ) from error


def in_one_line(error: Exception) -> str:
    """The text of another package's error on one line, at most 200 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _opener(name: str) -> Callable[[Path, "TrainConfig"], RunLog]:
    if name == "tensorboard":
        from lander_trainer.logs.tensorboard import TensorBoardLog

        return TensorBoardLog
    if name == "wandb":
        from lander_trainer.logs.wandb import WandbLog

        return WandbLog
    from lander_trainer.logs.trackio import TrackioLog

    return TrackioLog
