"""Shared by trackers that keep their rows outside the run's folder.

Such a store cannot remove rows. So a resumed run must find its own entry again, and must not report a second
time the steps between its checkpoint and the end of its earlier part.
"""

import uuid
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import read_regular_text, write_text
from lander_runtime.text import quoted
from lander_trainer.runs.run_directory import RunDirectory

PROJECT = "lander"

_LONGEST_ID = 1000
"""Bytes of a file with an id."""


def run_name(folder: Path) -> str:
    """A name for people, such as `LunarLander-v3/001`."""
    return "/".join(folder.resolve().parts[-2:])


def run_id(folder: Path, tracker: str) -> str:
    """The id that the run in `folder` has in `tracker`, or a new one: eight hexadecimal digits.

    A new id is from the system's randomness: no seed changes it, and it changes no result.
    """
    file = _id_file(folder, tracker)
    found = read_regular_text(file, _LONGEST_ID).strip() if file.is_file() else uuid.uuid4().hex[:8]
    if not (found.isascii() and found.isprintable()):
        raise InputRefused(f"{file}: expected the id of a run, found {quoted(found)}. Remove the file.")
    return found


def keep_run_id(folder: Path, tracker: str, value: str) -> None:
    """Write the id into the run's folder; call after the tracker has started: a failed start leaves no id."""
    write_text(_id_file(folder, tracker), value + "\n")


def steps_reported(folder: Path) -> int:
    """The last step in the run's `metrics.jsonl`; 0 for a new run.

    Call before training starts: training removes the rows after its checkpoint.
    """
    rows = RunDirectory(folder).read_metrics()
    return int(rows[-1].get("steps") or 0) if rows else 0


def _id_file(folder: Path, tracker: str) -> Path:
    return folder / tracker / "run-id"
