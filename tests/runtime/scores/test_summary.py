"""Statistics of returns: hand-worked numbers and known estimators."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime.scores.intervals import mean_interval
from lander_runtime.scores.results import Results
from lander_runtime.scores.summary import Summary, cautions, interquartile_mean, summarise, tail_mean
from lander_runtime.spec import Component

PROPERTY = settings(settings.get_profile("lander"), max_examples=60)

FUEL = Component("main engine uses", "steps")


def results_of(
    returns: list[float], lengths: list[int] | None = None, fuel: list[float] | None = None
) -> Results:
    """All landed."""
    return Results(
        np.array(returns),
        np.array(lengths or [1] * len(returns), np.int32),
        ("landed",),
        np.zeros(len(returns), np.uint8),
        {} if fuel is None else {FUEL: np.array(fuel)},
    )


returns_lists = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


def test_a_summary_worked_out_by_hand() -> None:
    """Mean 25; squared distances 25^2, 15^2, 5^2, 5^2, 15^2, 25^2 with mean 1750 / 6; lengths add to 27."""
    summary = summarise(
        results_of([50.0, 0.0, 30.0, 10.0, 20.0, 40.0], lengths=[2, 3, 4, 5, 6, 7]),
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
        median_return=25.0,
        cvar05_return=0.0,  # the lowest of six
        mean_minus_std=25.0 - math.sqrt(1750 / 6),
        success_ci95=summary.success_ci95,
        outcome_counts={"landed": 6},
        mean_measures={},
    )


def test_one_episode_has_no_interval_and_no_spread() -> None:
    summary = summarise(
        results_of([-3.5], lengths=[10]), first_seed=0, deterministic=True, reward_threshold=None
    )
    expected = Summary(
        1, 0, True, -3.5, 0.0, None, -3.5, -3.5, -3.5, None, 10.0,
        median_return=-3.5, cvar05_return=-3.5, mean_minus_std=-3.5, outcome_counts={"landed": 1},
    )  # fmt: skip
    assert summary == expected


@pytest.mark.parametrize(
    ("threshold", "rate"),
    [(-1.0, 1.0), (1.0, 1.0), (1.5, 0.75), (2.0, 0.75), (4.0, 0.25), (4.1, 0.0), (None, None)],
)
def test_a_success_is_a_return_of_at_least_the_threshold(threshold: float | None, rate: float | None) -> None:
    summary = summarise(
        results_of([1.0, 2.0, 3.0, 4.0]),
        first_seed=0,
        deterministic=True,
        reward_threshold=threshold,
    )
    assert summary.success_rate == rate


def test_a_summary_is_plain_numbers() -> None:
    """numpy's own scalars are no JSON."""
    summary = summarise(results_of([1.0, 2.0]), first_seed=0, deterministic=True, reward_threshold=1.5)
    assert summary.ci95 is not None
    assert summary.success_ci95 is not None
    values = [*vars(summary).values(), *summary.ci95, *summary.success_ci95, *summary.outcome_counts.values()]
    assert {type(value) for value in values} == {int, bool, float, tuple, dict}


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
    tail_mean(values)
    mean_interval(values)
    assert values.tolist() == [3.0, 1.0, 2.0, 5.0]


def test_what_an_episode_has_none_of_is_left_out_of_its_mean() -> None:
    summary = summarise(
        results_of([1.0, 2.0, 3.0], fuel=[4.0, np.nan, 8.0]),
        first_seed=0, deterministic=True, reward_threshold=None,
    )  # fmt: skip
    assert summary.mean_measures == {"main engine uses": 6.0}
    nowhere = summarise(
        results_of([1.0], fuel=[np.nan]), first_seed=0, deterministic=True, reward_threshold=None
    )
    assert nowhere.mean_measures == {}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.05, 1.0),
        ([float(i) for i in range(100)], 0.05, 2.0),  # 0 to 4
        ([float(i) for i in range(101)], 0.05, 2.5),  # 5.05 of them, rounded up to six: 0 to 5
        ([5.0, -1.0, 3.0, 1.0], 0.5, 0.0),
    ],
)
def test_tail_means_worked_out_by_hand(values: list[float], share: float, expected: float) -> None:
    assert tail_mean(np.array(values), share) == expected


@PROPERTY
@given(values=returns_lists)
def test_the_tail_lies_between_the_worst_and_the_mean(values: list[float]) -> None:
    tail = tail_mean(np.array(values))
    assert min(values) - 1e-9 <= tail <= np.mean(values) + 1e-6 * max(1.0, *map(abs, values))


@pytest.mark.parametrize(
    ("returns", "threshold", "words"),
    [
        ([100.0, 300.0] * 100, 200.0, ["holds the threshold of 200"]),
        ([100.0, 300.0] * 100, 150.0, []),
        ([100.0, 300.0] * 100, None, []),
        ([100.0, 300.0] * 14, 200.0, ["28 episodes says little", "holds the threshold"]),
        ([300.0], 200.0, ["1 episode says little"]),
    ],
)
def test_cautions(returns: list[float], threshold: float | None, words: list[str]) -> None:
    summary = summarise(results_of(returns), first_seed=0, deterministic=True, reward_threshold=threshold)
    found = cautions(summary, threshold)
    assert len(found) == len(words)
    assert all(part in sentence for part, sentence in zip(words, found, strict=True))
