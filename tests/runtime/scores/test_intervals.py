"""Intervals: hand-worked numbers, known estimators, and how often an interval is right."""

import math
import tracemalloc

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.scores.intervals import mean_interval, student_quantile, wilson_interval

PROPERTY = settings(settings.get_profile("lander"), max_examples=60)

returns_lists = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


# The bootstrap interval of a mean


@PROPERTY
@given(values=returns_lists)
def test_an_interval_holds_the_mean_and_repeats_itself(values: list[float]) -> None:
    low, high = mean_interval(np.array(values))
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert low - slack <= np.mean(values) <= high + slack
    assert mean_interval(np.array(values)) == (low, high)


@PROPERTY
@given(values=returns_lists, shift=st.floats(-1e3, 1e3), scale=st.floats(0.1, 10))
def test_an_interval_moves_and_stretches_with_the_returns(
    values: list[float], shift: float, scale: float
) -> None:
    low, high = mean_interval(np.array(values))
    found = mean_interval(scale * np.array(values) + shift)
    size = scale * max(map(abs, values)) + abs(shift)
    assert found == pytest.approx(
        (scale * low + shift, scale * high + shift), rel=1e-9, abs=1e-9 * size + 1e-9
    )


def test_equal_returns_have_an_interval_of_no_width() -> None:
    assert mean_interval(np.full(10, 5.0)) == (5.0, 5.0)


def test_two_returns_widen_to_what_one_spread_allows() -> None:
    """Resampled means of (0, 2) are 0, 1 or 2; both tails of 2.5% are the ends, 1 from the mean.

    Widened by sqrt(2 / 1), and by Student's quantile 12.706 for the normal one's 1.960, they lie 9.168 away:
    half of Student's own 12.706, because two values resample to a coarse picture of their spread.
    """
    assert mean_interval(np.array([0.0, 2.0])) == pytest.approx((1 - 9.168, 1 + 9.168), abs=1e-3)


def test_less_confidence_is_a_narrower_interval() -> None:
    values = np.random.default_rng(4).normal(size=30)
    low, high = mean_interval(values)
    inner_low, inner_high = mean_interval(values, confidence=0.5)
    assert low < inner_low < np.mean(values) < inner_high < high


@pytest.mark.parametrize("count", [10, 50, 200, 2_000])
def test_normal_returns_give_nearly_the_interval_of_student(count: int) -> None:
    """To a tenth of its half width; 2,000 resamples leave a few per cent of noise."""
    values = np.random.default_rng(count).normal(200, 80, count)
    standard_error = np.std(values, ddof=1) / math.sqrt(count)
    expected = scipy.stats.t.interval(0.95, count - 1, np.mean(values), standard_error)
    half_width = (expected[1] - expected[0]) / 2
    assert mean_interval(values) == pytest.approx(expected, abs=0.1 * half_width)


def test_an_interval_is_right_about_as_often_as_it_says() -> None:
    """400 samples of 30 skewed returns whose true mean is 0.

    Chance alone spreads 95% of 400 over 0.93 to 0.97; skewness costs a percentile interval some more.
    """
    generator = np.random.default_rng(21)
    samples = generator.exponential(size=(400, 30)) - 1.0
    intervals = [mean_interval(sample) for sample in samples]
    covered = np.mean([low <= 0.0 <= high for low, high in intervals])
    assert 0.88 <= covered <= 0.975


def test_an_interval_of_few_returns_is_right_as_often_as_it_says() -> None:
    """500 samples of 10 normal returns: without Student's quantile it is right nine times in ten."""
    samples = np.random.default_rng(22).normal(size=(500, 10))
    intervals = [mean_interval(sample) for sample in samples]
    covered = np.mean([low <= 0.0 <= high for low, high in intervals])
    assert 0.925 <= covered <= 0.975


def test_millions_of_returns_take_the_normal_interval() -> None:
    values = np.random.default_rng(3).normal(200.0, 80.0, 2_000_000)
    expected = scipy.stats.norm.interval(0.95, values.mean(), scipy.stats.sem(values))
    assert mean_interval(values) == pytest.approx(expected, rel=1e-9)


def test_a_large_evaluation_stays_small_in_memory() -> None:
    """All resamples of 20,000 returns at once would be 640 MB."""
    values = np.random.default_rng(1).normal(size=20_000)
    tracemalloc.start()
    try:
        low, high = mean_interval(values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000
    assert high - low == pytest.approx(2 * 1.96 / math.sqrt(20_000), rel=0.1)


# Student's quantile


@pytest.mark.parametrize(
    ("freedom", "tolerance"), [(1, 1e-12), (2, 1e-12), (3, 5e-3), (4, 2e-3), (5, 1e-3), (9, 1e-4), (29, 1e-6)]
)
def test_student_quantiles_are_those_of_scipy(freedom: int, tolerance: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), rel=tolerance)


# Wilson's interval of a rate


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 10), (10, 10), (3, 7), (9_995, 10_000)]
)
def test_wilson_intervals_are_those_of_scipy(successes: int, trials: int) -> None:
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(0.95, "wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


@PROPERTY
@given(trials=st.integers(1, 10_000), share=st.floats(0, 1))
def test_a_rate_stays_one(trials: int, share: float) -> None:
    successes = round(share * trials)
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
