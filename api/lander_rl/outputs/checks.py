"""What could not be written is refused before any episode runs."""

from pathlib import Path

from lander_runtime.errors import UsageError


def check_report_file(out: Path | None) -> None:
    """Refuse a name under which `merge` would not look for a report, such as the policy's own.

    Raises:
        UsageError: `out` does not end in .json.
    """
    if out is not None and out.suffix.lower() != ".json":
        raise UsageError(f"--out {out} should be a file whose name ends in .json.")


def check_replay_file(path: Path | None) -> None:
    """Refuse a name that a replay file may not have.

    Raises:
        UsageError: `path` does not end in .jsonl.gz.
    """
    if path is not None and not path.name.lower().endswith(".jsonl.gz"):
        raise UsageError(f"--save-replay {path} should be a file whose name ends in .jsonl.gz.")


def check_all_writable(*paths: Path | None) -> None:
    """Refuse what `atomic_write` could not write later; None is no file.

    Raises:
        UsageError: with the reason.
        OSError: the disk is full.
    """
    from lander_runtime.files import check_writable

    for path in paths:
        if path is not None:
            check_writable(path)
