"""Figures in words: one of a thing is not several."""

import dataclasses
from pathlib import Path

import pytest

from lander_runtime import Policy, evaluate
from lander_runtime.policy.display import verification_in_words
from lander_runtime.scores.words import score_in_words
from lander_runtime.text import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 episodes"), (1, "1 episode"), (2, "2 episodes"), (10_000, "10,000 episodes")]
)
def test_numbers_and_nouns_agree(number: int, words: str) -> None:
    assert counted(number, "episode") == words


def test_a_score_and_a_verification_of_one(tiny_discrete: Path) -> None:
    policy = Policy.load(tiny_discrete, "cpu")
    assert "over 1 episode from seed 7" in score_in_words(evaluate(policy, episodes=1, first_seed=7).summary)
    one = dataclasses.replace(policy.info.verification, observations=1, ties=1)
    assert verification_in_words(one).startswith("1 observation, ")
    assert verification_in_words(one).endswith("(1 tie)")
