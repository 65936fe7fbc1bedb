"""A short fuzz of everything that reads a stranger's file; hours are run by hand (docs/reliability.md)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.fuzz

SECONDS = float(os.environ.get("LANDER_FUZZ_SECONDS", "60"))
"""Of all targets together."""


TARGETS = ("policy", "operator", "checkpoint", "run", "statistics", "replay", "report")


@pytest.mark.parametrize("target", TARGETS)
def test_no_file_ends_the_process_raises_another_error_or_takes_too_much(target: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz",
            "--target",
            target,
            "--minutes",
            str(SECONDS / len(TARGETS) / 60),
        ],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS + 180,
    )
    outcome = json.loads(done.stdout)
    assert outcome["found"] == []
    assert outcome["inputs"] > 10
    assert done.returncode == 0
