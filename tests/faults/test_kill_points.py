"""Everything that lander writes is old or new after a kill at any point, and old after a full disk."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kill_points.py")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the shim asks Linux's /proc for names of files"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler to build the shim with"),
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, object]]:
    """What the script saw, by what was written."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run(
        [sys.executable, SCRIPT, "--json"], env=env, capture_output=True, text=True, timeout=1200
    )
    assert found.returncode == 0, found.stderr
    return {one["name"]: one for one in json.loads(found.stdout)}


@pytest.mark.slow
def test_every_file_is_old_or_new(outcomes: dict[str, dict[str, object]]) -> None:
    assert {name: one["faults"] for name, one in outcomes.items() if one["faults"]} == {}
    for one in outcomes.values():
        # A write, an fsync, a rename and an fsync of the folder at least, or nothing was tried.
        assert isinstance(one["points"], int)
        assert one["points"] >= 4
        assert one["kills"] >= one["points"], one
        assert one["old"], one
        assert one["new"] or one["mixed"], one
