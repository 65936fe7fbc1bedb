"""What is said before a slow run: that a time limit will be exceeded, and what a number of steps becomes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lander_rl import train
from lander_rl.training.overrun import Overrun
from lander_rl.training.words import collecting
from lander_trainer import Progress, TrainConfig

CARS = TrainConfig(time_limit=10.0, lanes=8, rollout_steps=256, selection_episodes=32)
"""2,048 steps in a rollout, and 32,000 in a selection of episodes of 1,000."""


def said(config: TrainConfig, *calls: tuple[float, float], limit: int | None = 1000) -> list[str]:
    sentences: list[str] = []
    overrun = Overrun(sentences.append, limit)
    overrun.on_start(config, Path("run"), Progress())
    for done, seconds in calls:
        overrun.on_collect(done, seconds)
    return sentences


def test_a_slow_rollout_is_estimated_and_said_once() -> None:
    """A tenth of the rollout in 2 s: 20 s in all, and 20 x 32,000 / 2,048 s for the selection."""
    (sentence,) = said(CARS, (0.05, 0.4), (0.1, 2.0), (0.2, 4.0), (1.0, 20.0))
    assert sentence.startswith("This may take up to 342 s, not 10 s: a rollout takes about 20 s here")
    assert "up to 312 s" in sentence


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        (CARS, 0.1),  # 0.1 s and 1.6 s of 10 s.
        (TrainConfig(time_limit=60.0, selection_episodes=0), 11.0),
        (TrainConfig(), 1000.0),  # No limit.
    ],
)
def test_a_run_that_keeps_its_limit_is_not_talked_about(config: TrainConfig, seconds: float) -> None:
    assert said(config, (1.0, seconds)) == []


def test_a_limit_of_the_episode_shortens_the_selection() -> None:
    assert said(CARS, (1.0, 1.0), limit=20) == []
    assert len(said(CARS, (1.0, 1.0), limit=None)) == 1


def test_selections_by_gymnasium_take_longer_than_the_simulator_trains() -> None:
    """40 times 0.25 s; those in the simulator only where a target makes Gymnasium check the last one."""
    config = TrainConfig(
        backend="native", selection_backend="native", time_limit=10.0, lanes=64, rollout_steps=2000,
        selection_episodes=32,
    )  # fmt: skip
    assert said(config, (1.0, 1.0)) == []
    for values in ({"selection_backend": "gymnasium"}, {"target_score": 200.0}):
        (sentence,) = said(replace(config, **values), (1.0, 1.0))
        assert sentence.startswith("This may take up to 21 s, not 10 s: a rollout takes about 1 s here")
        assert "at the end up to 10 s" in sentence


def test_short_times_are_not_rounded_away() -> None:
    (sentence,) = said(replace(CARS, time_limit=1.0), (1.0, 0.02))
    assert sentence.startswith("This may take up to 1.3 s, not 1 s: a rollout takes about 0.02 s here")


def test_the_first_rollout_in_words() -> None:
    assert collecting(0.25, 10.0) == "first rollout 25%, about 0:30 left"
    assert collecting(1.0, 40.0) == "first rollout collected; learning from it"


def test_steps_that_end_inside_an_update_are_said(
    echo: str, small: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    train(echo, steps=70, **small)
    sentence = (
        "70 steps end inside an update: about 128 are trained, 2 updates of 64 less the steps that only "
        "reset an environment."
    )
    assert sentence in capsys.readouterr().err.splitlines()
    train(echo, steps=128, **small)
    assert "end inside" not in capsys.readouterr().err
    # Three updates; 2 steps more than asked for are not worth a line.
    train(echo, steps=190, **small)
    assert "end inside" not in capsys.readouterr().err
