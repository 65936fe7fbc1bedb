"""Files that cannot be written are refused before any episode runs."""

from collections.abc import Callable
from pathlib import Path

from lander_runtime.errors import UsageError


def check_report_file(out: Path | None) -> None:
    """Refuse a file name that `merge` would not read as a report, such as that of the policy.

    Raises:
        UsageError: `out` does not end in .json.
    """
    if out is not None and out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} should be a file whose name ends in .json.")


def check_replay_file(path: Path | None) -> None:
    """Refuse a file name that is none of a replay file.

    Raises:
        UsageError: `path` does not end in .jsonl.gz.
    """
    if path is not None and not path.name.lower().endswith(".jsonl.gz"):
        raise UsageError(f"--save-replay {path} should be a file whose name ends in .jsonl.gz.")


def check_all_writable(
    *paths: Path | None, say: Callable[[str], None] = lambda text: None, new_folders: int = 1
) -> None:
    """Refuse files that `atomic_write` could not write later, and say which folders it will make.

    Args:
        paths: of the files; None stands for no file.
        say: prints a line for the user.
        new_folders: as of `check_writable`.

    Raises:
        UsageError: with the reason.
        OSError: the disk is full.
    """
    from lander_runtime.files import check_writable

    found = [check_writable(path, new_folders=new_folders) for path in paths if path is not None]
    for folder in dict.fromkeys(found):
        if folder is not None:
            say(f"The folder {folder} is missing and will be made.")
