"""TensorBoard: event files under `<run>/tensorboard/`. View them with `tensorboard --logdir runs`.

torch's SummaryWriter and tensorboardX write in a thread. When the disk is full, the thread of the first
prints a traceback into the training's output; that of the second ends silently, and the next flush waits for
ever. Here each row is one write in the calling thread: it is in the file at once, and an error reaches the
caller.
"""

import json
import time
from pathlib import Path
from typing import Any, BinaryIO

# protobuf makes these classes during the import, so no type checker sees them.
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
            # Hides the rows of earlier files from this step on: they are of updates after the checkpoint,
            # which the resumed run makes again.
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
    """The settings as a Markdown table, which TensorBoard renders."""
    rows = [f"| {name} | {json.dumps(value)} |" for name, value in settings.items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])


def _plain(value: Any) -> float | str:
    """A hyperparameter as number or text; torch would turn a bool into a number."""
    return json.dumps(value) if isinstance(value, bool | list | dict) else value
