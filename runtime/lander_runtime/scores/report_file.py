"""Reports as files: written atomically, and read as untrusted input."""

from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import atomic_write
from lander_runtime.json_fields import Fields
from lander_runtime.scores.report import Report
from lander_runtime.text import json_text

_LARGEST = 2**30
"""Bytes. Enough for some ten million episodes of LunarLander; in memory they take about four times that."""


def write_report(path: Path, report: Report) -> None:
    """Write the JSON object of `lander eval --json` on one line.

    Raises:
        OSError: the folder cannot be written.
    """
    text = json_text(report.to_json(), separators=(",", ":"))
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_report(path: Path) -> Report:
    """Read a report of `write_report` or `lander eval --json`.

    Raises:
        InputRefused: the file does not exist, is not a report, is damaged, or is too large.
    """
    try:
        with path.open("rb") as file:
            # One byte more than allowed. The size of the file is not read first, because it may be a pipe.
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name.
        reason = getattr(error, "strerror", None) or error
        raise InputRefused(f"{path}: cannot be read ({reason}).") from error
    if len(content) > _LARGEST:
        raise InputRefused(
            f"{path}: expected at most {_LARGEST:,} bytes, found more. Evaluate in more, smaller shards."
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputRefused(f"{path}: not UTF-8 text, so not a report ({error.reason}).") from error
    return Report.from_json(Fields.parse(text, path.name))
