"""A claimed score beside a measured one. Quantiles of Student's distribution are from tables."""

from dataclasses import replace

import pytest

from lander_runtime.scores.claims import contradiction, doubt
from lander_runtime.scores.summary import Summary


def scored(mean: float, std: float, episodes: int) -> Summary:
    low, high = mean - 9 * std, mean + 9 * std
    return Summary(episodes, 0, True, mean, std, None, mean, low, high, success_rate=None, mean_length=9.0)


def test_a_claim_outside_of_the_interval_is_said() -> None:
    """The variance of the mean of ten is 3^2 / 9 = 1, and the 97.5% quantile for nine degrees 2.262."""
    sentence = contradiction(scored(100.0, 0.0, 5), scored(90.0, 3.0, 10))
    assert sentence == (
        "The file claims a mean return of 100.0 ± 0.0 over 5 episodes. The 10 measured here give 90.0, 10.0 "
        "less (95% interval of the difference 7.7 to 12.3): the claimed score does not hold here."
    )
    better = contradiction(scored(100.0, 0.0, 5), scored(110.0, 3.0, 10))
    assert better is not None
    assert "10.0 more" in better


@pytest.mark.parametrize(("claimed", "inside"), [(92.2, True), (92.3, False), (87.8, True), (87.7, False)])
def test_it_is_inside_up_to_the_quantile(claimed: float, inside: bool) -> None:
    assert (contradiction(scored(claimed, 0.0, 5), scored(90.0, 3.0, 10)) is None) == inside


def test_the_claims_own_deviation_counts() -> None:
    """Two variances of 1 each: their sum has a root of 1.414, and 18 degrees a quantile of 2.101: 2.97."""
    assert contradiction(scored(92.96, 3.0, 10), scored(90.0, 3.0, 10)) is None
    assert contradiction(scored(92.98, 3.0, 10), scored(90.0, 3.0, 10)) is not None


def test_without_any_deviation_every_difference_counts() -> None:
    assert contradiction(scored(500.0, 0.0, 100), scored(500.0, 0.0, 10)) is None
    assert contradiction(scored(500.0, 0.0, 100), scored(500.0001, 0.0, 10)) is None
    assert contradiction(scored(500.0, 0.0, 100), scored(499.0, 0.0, 10)) is not None


def test_what_cannot_be_compared_contradicts_nothing() -> None:
    claimed, measured = scored(500.0, 1.0, 100), scored(9.0, 1.0, 10)
    assert contradiction(claimed, measured) is not None
    assert contradiction(replace(claimed, episodes=1), measured) is None
    assert contradiction(claimed, replace(measured, episodes=1)) is None
    assert contradiction(replace(claimed, deterministic=False), measured) is None


def test_few_episodes_give_no_verdict() -> None:
    """All three of a lucky policy may lie above its mean; a check of the claim's own seeds still counts."""
    claimed, measured = scored(100.0, 3.0, 100), scored(110.0, 0.1, 3)
    assert contradiction(claimed, measured) is not None
    assert doubt(claimed, measured) is None
    assert doubt(claimed, replace(measured, episodes=29)) is None
    assert doubt(replace(claimed, episodes=29), replace(measured, episodes=30)) is None
    enough = replace(measured, episodes=30)
    assert doubt(claimed, enough) == contradiction(claimed, enough) is not None
