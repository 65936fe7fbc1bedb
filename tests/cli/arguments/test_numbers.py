"""Durations as people type them; whole numbers are tested with the commands that take them."""

import pytest

from lander_cli.arguments.numbers import duration
from lander_runtime import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("60s", 60.0), ("2m", 120.0), ("1h30m", 5400.0), ("1h1m1s", 3661.0), (" 0.5M ", 30.0)],
)
def test_a_duration_is_written_as_people_write_it(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "soon", "1x", "1.2.3s", "5s2m", "inf", "1d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="60s"):
        duration(text)
