"""A file of recorded episodes, and ways to change it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lander_runtime import EnvSpec, Policy
from recorded_files import Change, Lines, saved


@pytest.fixture
def changed(tmp_path: Path, discrete: Policy, drifting: EnvSpec) -> Callable[[Change], Path]:
    """(change in place of the file's objects, header first) -> the changed file."""
    saved(tmp_path / "honest.jsonl.gz", discrete, drifting)

    def write(change: Change) -> Path:
        with gzip.open(tmp_path / "honest.jsonl.gz") as file:
            lines: Lines = [json.loads(line) for line in file]
        change(lines)
        path = tmp_path / "changed.jsonl.gz"
        path.write_bytes(gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode()))
        return path

    return write
