"""Figures in words: one of a thing is not several."""

import dataclasses
from pathlib import Path

import pytest

from lander_cli.outputs.figures import duration, verification_in_words
from lander_runtime import Policy, UsageError, evaluate
from lander_runtime.scores.words import score_in_words
from lander_runtime.text import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 episodes"), (1, "1 episode"), (2, "2 episodes"), (10_000, "10,000 episodes")]
)
def test_numbers_and_nouns_agree(number: int, words: str) -> None:
    assert counted(number, "episode") == words


def test_a_score_and_a_verification_of_one(tiny: Path) -> None:
    policy = Policy.load(tiny, "cpu")
    assert "over 1 episode from seed 7" in score_in_words(evaluate(policy, episodes=1, first_seed=7).summary)
    one = dataclasses.replace(policy.info.verification, observations=1, ties=1)
    assert verification_in_words(one).startswith("1 observation, ")
    assert verification_in_words(one).endswith("(1 tie)")


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
