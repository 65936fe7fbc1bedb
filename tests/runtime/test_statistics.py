"""Statistics of returns: hand-worked numbers, known estimators, and how often an interval is right."""

import math
import tracemalloc

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.statistics import Summary, interquartile_mean, mean_interval, summarise

PROPERTY = settings(settings.get_profile("lander"), max_examples=60)

returns_lists = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


def test_a_summary_worked_out_by_hand() -> None:
    """Mean 25; squared distances 25^2, 15^2, 5^2, 5^2, 15^2, 25^2 with mean 1750 / 6; lengths add to 27."""
    summary = summarise(
        np.array([50.0, 0.0, 30.0, 10.0, 20.0, 40.0]),
        np.array([2, 3, 4, 5, 6, 7]),
        first_seed=7,
        deterministic=False,
        reward_threshold=30.0,
    )
    assert summary.ci95 is not None
    assert summary == Summary(
        episodes=6,
        first_seed=7,
        deterministic=False,
        mean_return=25.0,
        std_return=math.sqrt(1750 / 6),
        ci95=summary.ci95,
        iqm_return=25.0,  # of 10, 20, 30, 40
        min_return=0.0,
        max_return=50.0,
        success_rate=0.5,  # 30 itself counts
        mean_length=4.5,
    )


def test_one_episode_has_no_interval_and_no_spread() -> None:
    summary = summarise(
        np.array([-3.5]), np.array([10]), first_seed=0, deterministic=True, reward_threshold=None
    )
    assert summary == Summary(1, 0, True, -3.5, 0.0, None, -3.5, -3.5, -3.5, None, 10.0)


@pytest.mark.parametrize(
    ("threshold", "rate"),
    [(-1.0, 1.0), (1.0, 1.0), (1.5, 0.75), (2.0, 0.75), (4.0, 0.25), (4.1, 0.0), (None, None)],
)
def test_a_success_is_a_return_of_at_least_the_threshold(threshold: float | None, rate: float | None) -> None:
    summary = summarise(
        np.array([1.0, 2.0, 3.0, 4.0]),
        np.ones(4, np.int64),
        first_seed=0,
        deterministic=True,
        reward_threshold=threshold,
    )
    assert summary.success_rate == rate


def test_a_summary_is_plain_numbers() -> None:
    """numpy's own scalars are no JSON."""
    summary = summarise(
        np.array([1.0, 2.0]), np.array([3, 4]), first_seed=0, deterministic=True, reward_threshold=1.5
    )
    assert summary.ci95 is not None
    values = [*vars(summary).values(), *summary.ci95]
    assert {type(value) for value in values} == {int, bool, float, tuple}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0], 1.5),
        ([1.0, 2.0, 6.0], 3.0),
        ([100.0, 1.0, -50.0, 3.0], 2.0),
        ([100.0, 1.0, 2.0, -50.0, 3.0], 2.0),
        ([0.0, 0.0, 4.0, 8.0, 4.0, 8.0, 1e9, -1e9], 4.0),
    ],
)
def test_interquartile_means_worked_out_by_hand(values: list[float], expected: float) -> None:
    """A quarter, rounded down, goes from each end: none of three, one of four to seven, two of eight."""
    assert interquartile_mean(np.array(values)) == expected


@PROPERTY
@given(values=returns_lists)
def test_interquartile_mean_is_the_trimmed_mean_of_scipy(values: list[float]) -> None:
    expected = scipy.stats.trim_mean(values, 0.25)
    assert interquartile_mean(np.array(values)) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_statistics_leave_the_returns_as_they_are() -> None:
    values = np.array([3.0, 1.0, 2.0, 5.0])
    interquartile_mean(values)
    mean_interval(values)
    assert values.tolist() == [3.0, 1.0, 2.0, 5.0]


# The bootstrap interval


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

    Widened by sqrt(2 / 1) they lie at 1 - sqrt(2) and 1 + sqrt(2).
    """
    assert mean_interval(np.array([0.0, 2.0])) == pytest.approx((1 - math.sqrt(2), 1 + math.sqrt(2)))


def test_less_confidence_is_a_narrower_interval() -> None:
    values = np.random.default_rng(4).normal(size=30)
    low, high = mean_interval(values)
    inner_low, inner_high = mean_interval(values, confidence=0.5)
    assert low < inner_low < np.mean(values) < inner_high < high


@pytest.mark.parametrize("count", [50, 200, 2_000])
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
