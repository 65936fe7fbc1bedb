"""Reports as files: written atomically, and read as untrusted input."""

from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import atomic_write, read_regular
from lander_runtime.json_data.fields import Fields
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
    content = read_regular(path, _LARGEST)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputRefused(f"{path}: not UTF-8 text, so not a report ({error.reason}).") from error
    return Report.from_json(Fields.parse(text, path.name))
