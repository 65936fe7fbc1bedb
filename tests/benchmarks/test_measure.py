import subprocess
import sys
from pathlib import Path

import pytest

from peers.measure import children_peak_rss_mb


@pytest.mark.skipif(not list(Path("/proc/self/task").glob("*/children")), reason="no /proc/*/children here")
def test_children_count_with_the_most_that_they_have_held() -> None:
    before = children_peak_rss_mb()
    # It holds 50 MB, lets them go, says so, and lives on until its input ends.
    code = "import sys; held = b'1' * 50_000_000; del held; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    during = children_peak_rss_mb()
    child.communicate()
    assert 50 < during - before < 100
    assert children_peak_rss_mb() == pytest.approx(before, abs=1)
