"""Files that cannot be written are refused before any episode runs."""

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


def check_all_writable(*paths: Path | None) -> None:
    """Refuse files that `atomic_write` could not write later; None stands for no file.

    Raises:
        UsageError: with the reason.
        OSError: the disk is full.
    """
    from lander_runtime.files import check_writable

    for path in paths:
        if path is not None:
            check_writable(path)
