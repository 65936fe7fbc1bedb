"""The folder of one run: `runs/<env-id>/<NNN>/` and the files in it.

config.toml               the settings, complete
metrics.jsonl             one object an update
checkpoint.safetensors    the newest weights and all that is needed to resume
best.safetensors          the weights that scored best on the selection seeds
learning_curve.png        training returns and selection scores over steps
policy.onnx, .md, .gif    after `lander export`
.lock                     while a process writes the run
"""

import contextlib
import json
import re
import shlex
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.files import (
    flush_to_disk,
    is_temporary,
    near_miss,
    regular_lines,
    remove_leftovers,
    write_text,
)
from lander_runtime.json_data.fields import Fields
from lander_runtime.locks import locked
from lander_runtime.shipped import runs_near
from lander_trainer.config import TrainConfig

_LARGEST_METRICS, _LONGEST_ROW = 2**30, 2**20
"""Bytes of metrics.jsonl, of which a million updates take half, and of one row."""


class RunDirectory:
    """Paths and small files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint.safetensors"
        self.best = path / "best.safetensors"
        self.metrics = path / "metrics.jsonl"
        self.config = path / "config.toml"
        self.curve = path / "learning_curve.png"
        self._lock = path / ".lock"
        self._held = False

    @classmethod
    def create(cls, env_id: str, out: Path | None = None, root: Path = Path("runs")) -> "RunDirectory":
        """Make a new folder: `out`, or the next number under `root`.

        Raises:
            UsageError: `out` is not empty, or the folder cannot be made.
        """
        try:
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                run = cls(out)
                run._check_empty()
                return run
            parent = root / env_id.replace("/", "-")
            parent.mkdir(parents=True, exist_ok=True)
            numbers = [int(entry.name) for entry in parent.iterdir() if re.fullmatch(r"\d+", entry.name)]
            number = max(numbers, default=0) + 1
            while True:
                try:
                    # The process that makes the folder owns the number; a second one takes the next number.
                    (parent / f"{number:03d}").mkdir()
                    return cls(parent / f"{number:03d}")
                except FileExistsError:
                    number += 1
        except OSError as error:
            raise UsageError(f"Cannot make a run directory: {error}.") from error

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """An existing run.

        Raises:
            InputRefused: the folder has no checkpoint.
        """
        run = cls(path)
        if not run.checkpoint.is_file():
            hint = "" if path.exists() else near_miss(path) or runs_near(path)
            raise InputRefused(f"{path}: no run to resume; expected {run.checkpoint.name} in it.{hint}")
        return run

    @contextmanager
    def locked(self, *, new: bool) -> Iterator[None]:
        """Keep other processes from writing the run while inside; may be entered again inside.

        Args:
            new: the run is to be started, so the folder must have none yet.

        Raises:
            InputRefused: another process writes the run.
            UsageError: the folder cannot be written, or a run was started in it.
        """
        if self._held:
            yield
            return
        with locked(self._lock, self.path, "Wait until it has ended, or train in another folder with --out."):
            remove_leftovers(self.path)
            if new and any(file.exists() for file in (self.config, self.metrics, self.checkpoint)):
                self._check_empty()
            self._held = True
            try:
                yield
            finally:
                self._held = False

    @property
    def kept(self) -> str:
        """For an error of training: a sentence about the checkpoint; empty where there is none yet."""
        if not self.checkpoint.is_file():
            return ""
        return f"{self.checkpoint} is older and sound; lander export {self.path} takes its best. "

    def _check_empty(self) -> None:
        # What `locked` looks after does not count.
        if all(file == self._lock or is_temporary(file) for file in self.path.iterdir()):
            return
        advice = "Choose another --out."
        if self.checkpoint.is_file():
            again = shlex.quote(str(self.path))
            advice = f"Choose another --out, or go on with --resume {again}."
        elif self.config.is_file() and self.metrics.is_file():
            advice = "The run in it has no checkpoint to resume from. Choose another --out."
        raise UsageError(f"{self.path} is not empty. {advice}")

    def write_config(self, config: TrainConfig) -> None:
        # TOML has no null: an argument that is None is left out here and kept in the checkpoint.
        values = config.to_dict()
        for name in ("env_kwargs", "shaping"):
            values[name] = {key: value for key, value in values[name].items() if value is not None}
        write_text(self.config, tomli_w.dumps(values))

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add the row of an update.

        Raises:
            MachineLacks: the run's folder is gone.
        """
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, allow_nan=False) + "\n")
        except FileNotFoundError as error:
            # Before the checkpoint, which would make the folder once more, without the rows so far.
            raise MachineLacks(
                f"The folder {self.path} is gone: it was deleted or moved while the run was going on. "
                "Start the run again."
            ) from error

    def flush_metrics(self) -> None:
        """Wait until the rows are on the disk, which a power cut does not empty."""
        flush_to_disk(self.metrics)

    def read_metrics(self) -> list[dict[str, Any]]:
        """All complete rows; a last line that a crash cut short is left out.

        Raises:
            InputRefused: another line is no row; names the file and the line.
        """
        if not self.metrics.is_file():
            return []
        rows = []
        # Closed here: a refused row would leave the file open until the garbage collector runs.
        with contextlib.closing(self.metrics_lines()) as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n") and not _is_row(line):
                    break  # A crash cut it short.
                row = _read_row(line, f"{self.metrics}: line {number}")
                if rows and row["update"] <= rows[-1]["update"]:
                    raise InputRefused(
                        f"{self.metrics}: line {number}: update {row['update']} comes after "
                        f"{rows[-1]['update']}. Remove the lines that do not belong there."
                    )
                rows.append(row)
        return rows

    def metrics_lines(self) -> Generator[bytes, None, None]:
        """The lines of the metrics with their ends; a crash may have cut the last one short."""
        return regular_lines(self.metrics, _LONGEST_ROW, _LARGEST_METRICS)

    def drop_metrics_after(self, update: int) -> None:
        """Remove the rows after `update`, that of the checkpoint: a resumed run writes them again."""
        kept = [row for row in self.read_metrics() if row["update"] <= update]
        write_text(self.metrics, "".join(json.dumps(row) + "\n" for row in kept))


def _read_row(line: bytes, where: str) -> dict[str, Any]:
    """A row of metrics: it has the number of its update, and what is drawn or shown is a number or null.

    Raises:
        InputRefused: it is something else.
    """
    fields = parse_row(line, where)
    if not 0 <= fields.integer("update") < 2**63:
        raise fields.wrong("update", "0 or more", fields.data["update"])
    for name in _SHOWN:
        fields.optional_number(name)
    return dict(fields.data)


def parse_row(line: bytes, where: str) -> Fields:
    """A line of metrics as a JSON object; raises `InputRefused` where it is none."""
    try:
        return Fields.parse(line.decode(), where)
    except UnicodeDecodeError as error:
        raise InputRefused(f"{where}: not UTF-8 text ({error.reason} at byte {error.start}).") from error


_SHOWN = ("steps", "seconds", "done", "mean_return", "selection_score", "best_score")


def _is_row(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
