"""TensorBoard: event files under `<run>/tensorboard/`. To look: `tensorboard --logdir runs`.

torch's SummaryWriter and tensorboardX write in a thread. When the disk is full, that of the former prints
its traceback into the training's output and that of the latter dies unheard while the next flush waits for
ever. Here a row is one write in the calling thread, so it is there at once and an error arrives where it
belongs.
"""

import json
import time
from pathlib import Path
from typing import Any, BinaryIO

# protobuf makes these classes while it is imported, where no type checker sees them.
from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from torch.utils.tensorboard import RecordWriter
from torch.utils.tensorboard.summary import hparams, text

from lander_trainer.config import TrainConfig
from lander_trainer.logs.scalars import scalars
from lander_trainer.runs.checkpoint import Progress
from lander_trainer.runs.metrics import UpdateMetrics


class TensorBoardLog:
    """Writes scalars over environment steps, the settings as text and as hyperparameters."""

    def __init__(self, run_directory: Path, config: TrainConfig) -> None:
        self._folder = run_directory / "tensorboard"
        self._file: BinaryIO | None = None

    def on_start(self, config: TrainConfig, run: Path, progress: Progress) -> None:
        self._folder.mkdir(exist_ok=True)
        # TensorBoard reads the files in the order of their names.
        name = f"events.out.tfevents.{progress.updates:09d}.{time.time_ns()}"
        self._file = (self._folder / name).open("xb")
        self._write(Event(file_version="brain.Event:2"))
        if progress.updates:
            # Hides what earlier files hold from this step on: rows of a part that went on after the
            # checkpoint, which the resumed run does not know.
            start = SessionLog(status=SessionLog.START)
            self._write(Event(step=progress.steps + 1, session_log=start))
        settings = config.to_dict()
        self._write(Event(step=progress.steps, summary=text("settings", _as_table(settings))))
        plain = {name: _plain(value) for name, value in settings.items()}
        for summary in hparams(plain, {"score/mean_return": 0, "score/selection_score": 0}):
            self._write(Event(summary=summary))

    def on_update(self, metrics: UpdateMetrics) -> None:
        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars(metrics).items()]
        self._write(Event(step=metrics.steps, summary=Summary(value=values)))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, event: Event) -> None:
        assert self._file is not None
        event.wall_time = time.time()
        RecordWriter(self._file).write(event.SerializeToString())
        self._file.flush()


def _as_table(settings: dict[str, Any]) -> str:
    """Markdown, which TensorBoard draws."""
    rows = [f"| {name} | {json.dumps(value)} |" for name, value in settings.items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])


def _plain(value: Any) -> float | str:
    """Hyperparameters are numbers and texts; torch would make a number of a truth value too."""
    return json.dumps(value) if isinstance(value, bool | list | dict) else value
