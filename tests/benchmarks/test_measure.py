import subprocess
import sys
from pathlib import Path

import pytest

from peers.measure import children_peak_rss_mb


@pytest.mark.skipif(not list(Path("/proc/self/task").glob("*/children")), reason="no /proc/*/children here")
def test_children_count_with_their_peak_memory() -> None:
    before = children_peak_rss_mb()
    # Allocates 50 MB, frees them, prints a line, and runs until its input ends.
    code = "import sys; block = b'1' * 50_000_000; del block; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    during = children_peak_rss_mb()
    child.communicate()
    assert 50 < during - before < 100
    assert children_peak_rss_mb() == pytest.approx(before, abs=1)
