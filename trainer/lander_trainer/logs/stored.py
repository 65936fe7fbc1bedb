"""What the trackers that keep their rows outside the run's folder have in common.

Such a store cannot be told to forget, so a resumed run must find its own entry again and must not
report twice the steps between its checkpoint and its end.
"""

import uuid
from pathlib import Path

from lander_runtime.files import write_text
from lander_trainer.runs.run_directory import RunDirectory

PROJECT = "lander"


def run_name(folder: Path) -> str:
    """Such as `LunarLander-v3/001`, for people."""
    return "/".join(folder.resolve().parts[-2:])


def run_id(folder: Path, tracker: str) -> str:
    """The id that the run in `folder` has in `tracker`, or a new one: eight hexadecimal digits.

    From the system's randomness, so no seed has to do with it.
    """
    file = _id_file(folder, tracker)
    return file.read_text(encoding="utf-8").strip() if file.is_file() else uuid.uuid4().hex[:8]


def keep_run_id(folder: Path, tracker: str, value: str) -> None:
    """Note the id in the run's folder, once the tracker has started: a failed start leaves nothing."""
    write_text(_id_file(folder, tracker), value + "\n")


def steps_reported(folder: Path) -> int:
    """The last step that an earlier part of the run wrote down; 0 for a new run.

    To be asked before training starts: training forgets the rows after its checkpoint.
    """
    rows = RunDirectory(folder).read_metrics()
    return int(rows[-1]["steps"]) if rows else 0


def _id_file(folder: Path, tracker: str) -> Path:
    return folder / tracker / "run-id"
