"""The time of a training as people write it, and what is said of a time that does not fit."""

from pathlib import Path
from typing import Any

import pytest

import lander_rl
from lander_rl import ResumeRequest, TrainRequest, UsageError
from lander_rl.training.durations import LEAST, seconds_of
from lander_trainer.config import RANGES


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0), ("60s", 60.0), ("2m", 120.0), ("1h30m", 5400.0), ("1h1m1s", 3661.0), (" 0.5M ", 30.0),
        ("1e3", 1000.0), ("1_000s", 1000.0), (7, 7.0), (2.5, 2.5), (None, None),
    ],
)  # fmt: skip
def test_a_time_is_written_as_people_write_it(text: float | str | None, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "-", "soon", "1x", "1.2.3s", "5s2m", "inf", "nan", "1d", "--5s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no duration; write seconds or a text such as 60s"):
        seconds_of(text)


@pytest.mark.parametrize("time", ["0", "0s", "-5s", "-1h30m", "0.5s", 0, -3, 0.9])
def test_what_is_too_short_is_called_so(time: str | float) -> None:
    with pytest.raises(UsageError, match=rf"--time {time} is too short; give at least 1s"):
        seconds_of(time)
    assert RANGES["time_limit"][0] == LEAST


def test_requests_take_it_and_refuse_it_when_they_are_made(tmp_path: Path) -> None:
    assert TrainRequest(time="2m").given()["time_limit"] == 120.0
    assert ResumeRequest(run=tmp_path, time="1h").given()["time_limit"] == 3600.0
    for make in (lambda: TrainRequest(time="0s"), lambda: ResumeRequest(run=tmp_path, time=-3)):
        with pytest.raises(UsageError, match="too short"):
            make()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"time": "5x"}, "time '5x' is no duration"),
        ({"time": -3}, "time -3 is too short"),
        ({"time": [5]}, "time=[5] does not fit"),
        ({"time": 1e12}, "time is 1000000000000.0; it must lie in [1, 1_000_000_000]."),
        ({"target": "high"}, "target=high does not fit; expected a number or none, such as 0.5"),
        ({"seed": -1}, "seed is -1; it must lie in [0, 2_147_483_647]."),
        ({"steps": "10k"}, "steps=10k does not fit; expected a whole number, such as 10_000 or 1e4."),
        ({"time_limit": -3}, "time_limit is -3.0; it must lie in"),
    ],
)
def test_python_names_the_parameter_that_was_typed(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as refused:
        lander_rl.train("CartPole-v1", **given)
    assert str(refused.value).startswith(told)
