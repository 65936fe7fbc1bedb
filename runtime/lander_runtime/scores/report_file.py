"""Reports as files: written whole or not at all, and read as if a stranger had written them."""

import json
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import atomic_write
from lander_runtime.json_fields import Fields
from lander_runtime.scores.report import Report

_LARGEST = 2**30
"""Bytes. Some ten million episodes of LunarLander; read, they take about four times that."""


def write_report(path: Path, report: Report) -> None:
    """Write the object of `lander eval --json`, on one line.

    Raises:
        OSError: the folder cannot be written.
    """
    text = json.dumps(report.to_json(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_report(path: Path) -> Report:
    """Read what `write_report` or `lander eval --json` wrote.

    Raises:
        InputRefused: there is no such file, or it is no report, damaged, or too large.
    """
    try:
        with path.open("rb") as file:
            # One more than is allowed, whatever size the file claims to have: it may be a pipe.
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that holds a zero byte.
        reason = getattr(error, "strerror", None) or error
        raise InputRefused(f"{path}: cannot be read ({reason}).") from error
    if len(content) > _LARGEST:
        raise InputRefused(
            f"{path}: larger than {_LARGEST:,} bytes, so not read. Evaluate in more, smaller shards."
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputRefused(f"{path}: not UTF-8 text, so no report ({error.reason}).") from error
    return Report.from_json(Fields.parse(text, path.name))
