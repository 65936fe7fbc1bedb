"""Reads settings and metrics of a finished or running run, and checks them.

Separate from `run_directory`, which reads what its own process wrote: here folders may be of any age and
origin, and damaged.
"""

import contextlib
import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lander_runtime.errors import InputRefused
from lander_runtime.files import near_miss, read_regular_text
from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.summary import LARGEST_NUMBER
from lander_runtime.shipped import runs_near
from lander_runtime.text import LONGEST, shortened
from lander_trainer.runs.run_directory import RunDirectory, parse_row

_LARGEST_CONFIG = 2**14
"""Bytes of config.toml, ten times the usual. A key of many parts takes Python time with their square: here
0.7 s, of a megabyte an hour."""


@dataclass(frozen=True)
class RunHistory:
    """Settings and metrics of one run."""

    path: Path
    config: Mapping[str, Any]
    """Settings by name, as in config.toml."""
    rows: Sequence[dict[str, float | None]]
    """At least one, in order of update: steps, seconds, mean_return, selection_score and best_score."""

    @property
    def env(self) -> str:
        return str(self.config["env"])


def find_runs(path: Path) -> list[Path]:
    """`path` if it is a run's folder, else the runs below it that have made an update.

    Raises:
        InputRefused: `path` is not a folder, or has no such run.
    """
    if path.exists() and not path.is_dir():
        raise InputRefused(f"{path}: expected the folder of a run or of runs, found a file.")
    if not path.is_dir():
        hint = near_miss(path) or runs_near(path) or " Runs are under runs/, such as runs/LunarLander-v3/001."
        raise InputRefused(f"{path}: no such folder.{hint}")
    if (path / "metrics.jsonl").is_file():
        return [path]
    # Training starts with an empty file: a run without an update must not hide the other runs.
    found = sorted(file.parent for file in path.rglob("metrics.jsonl") if file.stat().st_size)
    if not found:
        raise InputRefused(
            f"{path}: no run with an update in it; expected metrics.jsonl there or in folders below."
        )
    return found


def read_history(path: Path) -> RunHistory:
    """The run in `path`.

    Raises:
        InputRefused: a file is missing or damaged, or the run has no update yet.
    """
    return RunHistory(path, _read_config(path / "config.toml"), _read_rows(RunDirectory(path)))


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = tomllib.loads(read_regular_text(file, _LARGEST_CONFIG))
    except (ValueError, RecursionError) as error:
        reason = shortened(str(error))
        raise InputRefused(f"{file}: not the readable settings of a run ({reason}).") from error
    settings = Fields({"settings": config}, str(file)).plain("settings")
    env = Fields(settings, str(file)).text("env")
    if len(env) > LONGEST:
        raise InputRefused(f"{file}: env should be an id, found {len(env):,} characters.")
    return settings


def _read_rows(run: RunDirectory) -> list[dict[str, float | None]]:
    # Closed here: a refused row would leave the file open until the garbage collector runs.
    with contextlib.closing(run.metrics_lines()) as lines:
        rows = [
            _read_row(line, f"{run.metrics}: line {number}")
            for number, line in enumerate(lines, 1)
            if line.endswith(b"\n")  # Else a crash cut it short.
        ]
    if not rows:
        raise InputRefused(f"{run.metrics}: no update in it yet; look again when the run has made one.")
    for number, (before, after) in enumerate(itertools.pairwise(rows), 2):
        if after["steps"] <= before["steps"]:  # pyright: ignore[reportOperatorIssue]
            raise InputRefused(f"{run.metrics}: line {number}: the steps do not grow; the file was changed.")
    return rows


def _read_row(line: bytes, where: str) -> dict[str, float | None]:
    fields = parse_row(line, where)
    scores = ("mean_return", "selection_score", "best_score")
    row = {
        "steps": fields.number("steps"),
        "seconds": fields.number("seconds"),
        **{name: fields.optional_number(name) for name in scores},
    }
    for name, value in row.items():
        if value is not None and not -LARGEST_NUMBER < value < LARGEST_NUMBER:
            raise fields.wrong(name, f"a number below {LARGEST_NUMBER:g}", value)
    return row
