"""Paired differences: hand-worked numbers, scipy's estimators, and how often a verdict is wrong."""

import json
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lander_runtime import InputRefused
from lander_runtime.scores.intervals import mean_interval
from lander_runtime.scores.paired import (
    MOST_EXTREMES,
    PairedDifference,
    is_worse,
    needed_to_show,
    paired_difference,
)
from lander_runtime.scores.verdict import Verdict

PROPERTY = settings(settings.get_profile("lander"), max_examples=60)

Columns = NDArray[np.float64]


def pair(returns: list[float] | Columns, baseline: list[float] | Columns, **options: Any) -> PairedDifference:
    return paired_difference(np.array(returns, float), np.array(baseline, float), first_seed=70, **options)


def returns_of_two(
    generator: np.random.Generator, count: int, crashes: float = 0.0
) -> tuple[Columns, Columns]:
    """Returns of two equally good policies on `count` seeds: they share the terrain, and not the crashes."""
    terrain = generator.normal(280.0, 20.0, count)
    one, two = (
        terrain + generator.normal(0.0, 5.0, count) - 300.0 * (generator.random(count) < crashes)
        for _ in range(2)
    )
    return one, two


def test_a_comparison_worked_out_by_hand() -> None:
    """Differences 10, 0, -40, 5 on the seeds 70 to 73: their mean is -6.25, and 2 + 1 / 2 of 4 are won."""
    found = pair([210, 150, 190, 205], [200, 150, 230, 200], reward_threshold=205.0)
    assert found.mean == -6.25
    assert (found.wins, found.ties, found.losses, found.win_rate) == (2, 1, 1, 0.625)
    assert found.ci95 == found.joint_ci95 == mean_interval(np.array([10.0, 0.0, -40.0, 5.0]))
    assert [(e.seed, e.return_, e.baseline_return, e.difference) for e in found.largest_losses] == [
        (72, 190, 230, -40)
    ]
    assert [(e.seed, e.difference) for e in found.largest_wins] == [(70, 10), (73, 5)]
    # 205 itself is a success.
    assert (found.succeeds_alone, found.fails_alone) == ((70, 73), (72,))
    assert found.verdict is Verdict.NOT_SHOWN
    # Distances from the mean: 16.25, 6.25, 33.75 and 11.25; their squares add to 1568.75.
    assert (found.heaviest_seed, found.heaviest_share) == (72, pytest.approx(33.75**2 / 1568.75))


# Intervals


@pytest.mark.parametrize("count", [10, 50, 1_000])
def test_the_interval_is_that_of_the_paired_t_test(count: int) -> None:
    """To a tenth of its half width; a bootstrap of 2,000 leaves a few per cent of noise."""
    one, two = returns_of_two(np.random.default_rng(count), count)
    expected = scipy.stats.ttest_rel(one, two).confidence_interval(0.95)
    half_width = (expected.high - expected.low) / 2
    assert pair(one, two).ci95 == pytest.approx((expected.low, expected.high), abs=0.1 * half_width)


def test_pairing_tells_more_than_two_scores_do() -> None:
    one, two = returns_of_two(np.random.default_rng(1), 200)
    paired = pair(one, two).ci95
    apart = scipy.stats.ttest_ind(one, two).confidence_interval(0.95)
    assert paired is not None
    assert paired[1] - paired[0] < 0.5 * (apart.high - apart.low)


@pytest.mark.parametrize(("count", "crashes"), [(30, 0.0), (200, 0.0), (200, 0.02), (200, 0.1)])
def test_an_interval_of_correlated_returns_is_right_about_as_often_as_it_says(
    count: int, crashes: float
) -> None:
    """400 comparisons of equally good policies. Chance alone spreads 95% of 400 over 0.93 to 0.97; rare
    crashes, which a resample misses or counts twice, cost a little more."""
    generator = np.random.default_rng([count, round(100 * crashes)])
    intervals = [pair(*returns_of_two(generator, count, crashes)).ci95 for _ in range(400)]
    covered = np.mean([low <= 0.0 <= high for low, high in filter(None, intervals)])
    assert 0.91 <= covered <= 0.98


@pytest.mark.parametrize(("comparisons", "count"), [(2, 10), (5, 30), (50, 1_000)])
def test_a_joint_interval_is_wider_as_bonferroni_has_it(comparisons: int, count: int) -> None:
    one, two = returns_of_two(np.random.default_rng(5), count)
    alone, found = pair(one, two), pair(one, two, comparisons=comparisons)
    assert found.ci95 == alone.ci95
    quantiles = scipy.stats.t.ppf([1 - 0.025 / comparisons, 0.975], count - 1)
    assert alone.ci95 is not None
    widened = [found.mean + (end - found.mean) * quantiles[0] / quantiles[1] for end in alone.ci95]
    assert found.joint_ci95 == pytest.approx(widened, rel=1e-3)


def test_the_win_rate_is_wilsons() -> None:
    one, two = returns_of_two(np.random.default_rng(6), 300)
    found = pair(one, two)
    expected = scipy.stats.binomtest(found.wins, 300).proportion_ci(0.95, "wilson")
    assert found.ties == 0
    assert found.win_rate_ci95 == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_win_rate_away_from_half_is_what_the_sign_test_finds(seed: int) -> None:
    """The exact test is the slower to find anything."""
    generator = np.random.default_rng(seed)
    one, two = returns_of_two(generator, 100)
    found = pair(one + generator.uniform(-2.0, 2.0), two)
    low, high = found.win_rate_ci95
    p_value = scipy.stats.binomtest(found.wins, 100).pvalue
    if p_value < 0.05:
        assert not low <= 0.5 <= high
    elif p_value > 0.07:
        assert low <= 0.5 <= high


# Verdicts


def test_a_shift_of_every_return_is_shown_both_ways() -> None:
    one, two = returns_of_two(np.random.default_rng(7), 100)
    better, worse = pair(one + 10.0, two), pair(two, one + 10.0)
    assert (better.verdict, worse.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert better.joint_ci95 is not None
    assert 0.0 < better.joint_ci95[0] < 10.0 < better.joint_ci95[1] + 2.0
    assert worse.mean == -better.mean


@PROPERTY
@given(
    rows=st.lists(
        st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3) | st.just(0.0)), min_size=1, max_size=40
    )
)
def test_the_other_way_round_everything_is_mirrored(rows: list[tuple[float, float]]) -> None:
    one, two = np.array(rows).T
    found, mirrored = (pair(a, b, reward_threshold=0.0) for a, b in ((one, two), (two, one)))
    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert mirrored.verdict is opposite.get(found.verdict, found.verdict)
    assert mirrored.mean == -found.mean
    assert (mirrored.wins, mirrored.ties, mirrored.losses) == (found.losses, found.ties, found.wins)
    assert mirrored.win_rate == pytest.approx(1.0 - found.win_rate)
    assert [e.seed for e in mirrored.largest_wins[:1]] == [e.seed for e in found.largest_losses[:1]] or (
        mirrored.largest_wins[0].difference == -found.largest_losses[0].difference
    )
    assert mirrored.fails_alone == found.succeeds_alone
    if found.joint_ci95 is not None:
        assert mirrored.joint_ci95 is not None
        assert mirrored.joint_ci95[::-1] == pytest.approx([-end for end in found.joint_ci95], abs=1e-6)


def test_equal_returns_are_alike() -> None:
    returns = np.random.default_rng(8).normal(size=50)
    found = pair(returns, returns.copy())
    assert found.verdict is Verdict.ALIKE
    assert (found.mean, found.ci95, found.ties, found.win_rate) == (0.0, (0.0, 0.0), 50, 0.5)
    assert found.largest_losses == found.largest_wins == ()
    assert found.heaviest_share == 0.0


def test_one_bit_in_one_return_is_not_alike() -> None:
    found = pair([1.0, 2.0], [1.0, np.nextafter(2.0, 3.0)])
    assert (found.verdict, found.losses, found.ties) == (Verdict.NOT_SHOWN, 1, 1)


def test_one_episode_shows_nothing() -> None:
    found = pair([300.0], [-100.0], reward_threshold=200.0)
    assert (found.verdict, found.mean, found.ci95, found.joint_ci95) == (Verdict.NOT_SHOWN, 400.0, None, None)
    assert pair([5.0], [5.0]).verdict is Verdict.ALIKE


@pytest.mark.parametrize(("episodes", "verdict"), [(5, Verdict.NOT_SHOWN), (6, Verdict.BETTER)])
@pytest.mark.parametrize("others", [0, 1_000])
def test_five_that_differ_show_nothing_however_many_do_not(
    others: int, episodes: int, verdict: Verdict
) -> None:
    """By luck alone all of five fall on one side once in 16, and all of six once in 32."""
    found = pair([100.0] * episodes + [0.0] * others, [0.0] * (episodes + others))
    assert found.ci95 is not None
    assert found.ci95[0] > 0.0, "the interval alone would have called it better"
    assert found.verdict is verdict


@pytest.mark.parametrize(("comparisons", "needed"), [(1, 6), (2, 7), (3, 7), (4, 8), (100, 12)])
def test_more_comparisons_need_more_that_differ(comparisons: int, needed: int) -> None:
    assert needed_to_show(comparisons) == needed
    for count in (needed - 1, needed):
        p_value = scipy.stats.binomtest(count, count).pvalue
        assert (p_value <= 0.05 / comparisons) == (count == needed)


def test_one_of_many_equals_is_seldom_called_better_or_worse() -> None:
    """300 comparisons of one policy with five that are just as good: one error in 20, and with each
    interval by itself it would be about one in six."""
    generator = np.random.default_rng(9)
    wrong = wrong_alone = 0
    for _ in range(300):
        terrain = generator.normal(280.0, 20.0, 60)
        first, *others = terrain + generator.normal(0.0, 5.0, (6, 60))
        found = [pair(other, first, comparisons=5) for other in others]
        wrong += any(one.verdict is not Verdict.NOT_SHOWN for one in found)
        wrong_alone += any(not one.ci95[0] <= 0.0 <= one.ci95[1] for one in found if one.ci95)
    assert wrong / 300 < 0.09
    assert wrong_alone / 300 > 0.12


# What is listed


def test_the_lists_are_short_and_in_order() -> None:
    differences = np.random.default_rng(10).permutation(np.arange(-50.0, 50.0))
    found = pair(differences, np.zeros(100))
    assert [e.difference for e in found.largest_losses] == list(range(-50, -50 + MOST_EXTREMES))
    assert [e.difference for e in found.largest_wins] == list(range(49, 49 - MOST_EXTREMES, -1))
    for episode in found.largest_losses:
        assert differences[episode.seed - 70] == episode.difference


def test_a_seed_may_be_any_whole_number() -> None:
    found = paired_difference(
        np.array([1.0, 3.0]), np.array([2.0, 1.0]), first_seed=10**30, reward_threshold=2.0
    )
    assert (found.succeeds_alone, found.fails_alone) == ((10**30 + 1,), (10**30,))
    assert found.largest_wins[0].seed == 10**30 + 1


def test_without_a_threshold_no_seed_is_a_success_or_failure() -> None:
    found = pair([1.0, 2.0], [2.0, 1.0])
    assert found.succeeds_alone is None
    assert found.fails_alone is None
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_returns_that_are_not_finite_are_refused_by_their_seed(bad: float) -> None:
    for returns, baseline in (([0.0, bad], [0.0, 0.0]), ([0.0, 0.0], [0.0, bad]), ([0.0, bad], [0.0, bad])):
        with pytest.raises(InputRefused, match="seed 71"):
            pair(returns, baseline)


@pytest.mark.parametrize(("lost", "expected"), [(0.9, False), (1.1, True), (-5.0, False)])
def test_worse_by_more_than_rounding_explains(lost: float, expected: bool) -> None:
    """All differences are -`lost` on a mean of -100, so each is shown; 1% of it is the margin."""
    baseline = np.linspace(-110.0, -90.0, 20)
    found = pair(baseline - lost, baseline)
    assert found.verdict is (Verdict.WORSE if lost > 0 else Verdict.BETTER)
    assert is_worse(found, baseline) is expected
