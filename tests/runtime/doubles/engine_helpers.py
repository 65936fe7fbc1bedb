"""What the tests of the engines compare, and how another process finds their environments."""

import os
import sys
from collections.abc import Callable, Sequence

from lander_runtime import EnvSpec
from lander_runtime.scores.report import RUN_KEYS, Report

FIRST = 1_000_000

Register = Callable[..., EnvSpec]


def assert_same(reports: Sequence[Report]) -> None:
    found = [
        {key: value for key, value in report.to_json().items() if key not in RUN_KEYS} for report in reports
    ]
    for other in found[1:]:
        assert other == found[0]
    assert len({report.sha256 for report in reports}) == 1


def path_of_workers() -> dict[str, str]:
    """Where processes outside of pytest find what this one imports."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
