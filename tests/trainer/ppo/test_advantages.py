"""Advantages and returns: numbers worked out by hand, and the plain definition by hypothesis.

The hand-worked cases share gamma = lambda = 1/2 and powers of two, so that every figure is exact:

    rewards  1   2   3
    values  10  20  40  80
    deltas   1   2   3            r_t + V_t+1 / 2 - V_t
"""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lander_trainer.ppo.advantages import (
    compute_gae,
    compute_returns,
    explained_variance,
    live_rows,
    normalize,
)

Array = NDArray[Any]

REWARDS = [1.0, 2.0, 3.0]
VALUES = [10.0, 20.0, 40.0, 80.0]


def column(values: list[float]) -> Array:
    """One lane: `[T, 1]`."""
    return np.array(values, np.float32)[:, None]


def flags(*rows: int, length: int) -> Array:
    """bool `[length, 1]`, True at `rows`."""
    ends = np.zeros((length, 1), bool)
    ends[list(rows)] = True
    return ends


def gae(
    rewards: list[float],
    values: list[float],
    *,
    terminated: tuple[int, ...] = (),
    truncated: tuple[int, ...] = (),
    gamma: float = 0.5,
    gae_lambda: float = 0.5,
) -> tuple[list[float], list[float]]:
    """`compute_gae` of one lane whose episodes end at the given rows."""
    steps = len(rewards)
    advantages, returns = compute_gae(
        column(rewards),
        column(values),
        flags(*terminated, length=steps),
        flags(*truncated, length=steps),
        gamma=gamma,
        gae_lambda=gae_lambda,
    )
    return advantages[:, 0].tolist(), returns[:, 0].tolist()


def test_rollout_without_an_end_bootstraps_from_the_last_value() -> None:
    advantages, returns = gae(REWARDS, VALUES)
    # A2 = 3; A1 = 2 + 3/4 = 2.75; A0 = 1 + 2.75/4 = 1.6875
    assert advantages == [1.6875, 2.75, 3.0]
    # plus the values 10, 20, 40
    assert returns == [11.6875, 22.75, 43.0]


def test_termination_does_not_bootstrap() -> None:
    advantages, _ = gae(REWARDS, VALUES, terminated=(1,))
    # A1 = 2 - 20 = -18, whatever the last observation is valued at; A0 = 1 - 18/4 = -3.5
    assert advantages[:2] == [-3.5, -18.0]


def test_truncation_bootstraps_with_the_value_of_the_last_observation() -> None:
    advantages, _ = gae(REWARDS, VALUES, truncated=(1,))
    # obs[2] is what step 1 led to: A1 = 2 + 40/2 - 20 = 2, with nothing of row 2; A0 = 1 + 2/4 = 1.5
    assert advantages[:2] == [1.5, 2.0]


def test_value_of_the_last_observation_matters_only_where_truncated() -> None:
    dearer = [10.0, 20.0, 48.0, 80.0]
    assert gae(REWARDS, dearer, terminated=(1,))[0][:2] == [-3.5, -18.0]
    # A1 = 2 + 48/2 - 20 = 6; A0 = 1 + 6/4 = 2.5
    assert gae(REWARDS, dearer, truncated=(1,))[0][:2] == [2.5, 6.0]


@pytest.mark.parametrize("end", ["terminated", "truncated"])
def test_no_advantage_crosses_an_end_or_leaves_the_dummy_row(end: str) -> None:
    # rows 0, 1 are an episode; row 2 is the dummy; row 3 starts the next one
    rewards, values = [1.0, 2.0, 0.0, 4.0], [10.0, 20.0, 40.0, 8.0, 16.0]
    before, _ = gae(rewards, values, **{end: (1,)})
    poisoned, _ = gae([1.0, 2.0, 1e30, -1e30], [10.0, 20.0, 40.0, 1e30, 1e30], **{end: (1,)})
    assert poisoned[:2] == before[:2]
    # row 3 sees its own episode alone: 4 + 16/2 - 8 = 4
    assert before[3] == 4.0


def test_first_row_may_be_a_dummy() -> None:
    clean, _ = gae([0.0, 2.0, 3.0], VALUES)
    poisoned, _ = gae([1e30, 2.0, 3.0], [1e30, *VALUES[1:]])
    assert poisoned[1:] == clean[1:] == [2.75, 3.0]


def test_lambda_0_is_the_one_step_error() -> None:
    assert gae(REWARDS, VALUES, gae_lambda=0.0)[0] == [1.0, 2.0, 3.0]


def test_lambda_1_is_the_discounted_return_minus_the_value() -> None:
    advantages, returns = gae(REWARDS, VALUES, gae_lambda=1.0)
    # R2 = 3 + 80/2 = 43; R1 = 2 + 43/2 = 23.5; R0 = 1 + 23.5/2 = 12.75
    assert returns == [12.75, 23.5, 43.0]
    assert advantages == [2.75, 3.5, 3.0]


def test_gamma_0_sees_the_next_reward_only() -> None:
    assert gae(REWARDS, VALUES, gamma=0.0)[1] == REWARDS


def test_lanes_do_not_mix() -> None:
    rewards = np.array([[1.0, 5.0], [2.0, 6.0], [3.0, 7.0]])
    values = np.array([[10.0, 1.0], [20.0, 2.0], [40.0, 4.0], [80.0, 8.0]])
    ends = np.array([[False, False], [False, True], [False, False]])
    advantages, _ = compute_gae(rewards, values, ends, np.zeros_like(ends), gamma=0.5, gae_lambda=0.5)
    assert advantages[:, 0].tolist() == [1.6875, 2.75, 3.0]
    # A1 = 6 - 2 = 4; A0 = (5 + 2/2 - 1) + 4/4 = 6; A2 = 7 + 8/2 - 4 = 7
    assert advantages[:, 1].tolist() == [6.0, 4.0, 7.0]


def test_plain_returns_by_hand() -> None:
    advantages, returns = compute_returns(
        column([1.0, 2.0, 0.0, 4.0, 6.0]),
        column([10.0, 20.0, 40.0, 8.0, 16.0, 32.0]),
        flags(length=5),
        flags(1, length=5),
        gamma=0.5,
    )
    # R1 = 2 + 40/2 = 22 (truncated); R0 = 1 + 22/2 = 12; R4 = 6 + 32/2 = 22 (cut); R3 = 4 + 22/2 = 15
    assert returns[[0, 1, 3, 4], 0].tolist() == [12.0, 22.0, 15.0, 22.0]
    assert advantages[[0, 1, 3, 4], 0].tolist() == [2.0, 2.0, 7.0, 6.0]


def test_plain_returns_do_not_depend_on_the_values_in_the_middle() -> None:
    ends = flags(length=3)
    _, returns = compute_returns(column(REWARDS), column(VALUES), ends, ends, gamma=0.5)
    _, other = compute_returns(column(REWARDS), column([-8.0, 64.0, 0.5, 80.0]), ends, ends, gamma=0.5)
    assert returns.tolist() == other.tolist() == [[12.75], [23.5], [43.0]]


@st.composite
def rollouts(draw: st.DrawFn) -> dict[str, Array]:
    """Rollouts of up to 12 steps in up to 3 lanes with any pattern of ends."""
    steps, lanes = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    number = st.floats(-10, 10, width=32)
    end = st.sampled_from(["", "", "", "terminated", "truncated"])

    def table(rows: int, cell: st.SearchStrategy) -> list[list]:
        return [[draw(cell) for _ in range(lanes)] for _ in range(rows)]

    ends = table(steps, end)
    return {
        "rewards": np.array(table(steps, number)),
        "values": np.array(table(steps + 1, number)),
        "terminated": np.array([[cell == "terminated" for cell in row] for row in ends]),
        "truncated": np.array([[cell == "truncated" for cell in row] for row in ends]),
    }


def lambda_return(rollout: dict[str, Array], row: int, lane: int, gamma: float, gae_lambda: float) -> float:
    """The lambda-return in its textbook form (Sutton and Barto 2018, eq. 12.3), term by term.

    A mean of the n-step returns with weights (1 - lambda) lambda^(n - 1); the longest one, which
    reaches the end of the episode or of the rollout, takes the weight that is left.
    """
    rewards, values = rollout["rewards"][:, lane].tolist(), rollout["values"][:, lane].tolist()
    terminated, truncated = rollout["terminated"][:, lane].tolist(), rollout["truncated"][:, lane].tolist()
    last = row
    while last < len(rewards) - 1 and not (terminated[last] or truncated[last]):
        last += 1
    longest = last - row + 1
    n_step = []
    for n in range(1, longest + 1):
        paid = sum(gamma**k * rewards[row + k] for k in range(n))
        worth = 0.0 if terminated[row + n - 1] else values[row + n]
        n_step.append(paid + gamma**n * worth)
    shorter = sum((1 - gae_lambda) * gae_lambda ** (n - 1) * n_step[n - 1] for n in range(1, longest))
    return shorter + gae_lambda ** (longest - 1) * n_step[-1]


@settings(max_examples=60, deadline=None)
@given(rollouts(), st.floats(0, 1), st.floats(0, 1))
def test_gae_is_the_lambda_return_minus_the_value(
    rollout: dict[str, Array], gamma: float, gae_lambda: float
) -> None:
    advantages, returns = compute_gae(**rollout, gamma=gamma, gae_lambda=gae_lambda)
    for row, lane in product(*map(range, returns.shape)):
        expected = lambda_return(rollout, row, lane, gamma, gae_lambda)
        assert returns[row, lane].item() == pytest.approx(expected, abs=1e-9)
        assert advantages[row, lane].item() == pytest.approx(
            expected - rollout["values"][row, lane].item(), abs=1e-9
        )


def test_row_after_an_end_is_not_live() -> None:
    terminated = np.array([[True, False], [False, False], [False, False]])
    truncated = np.array([[False, False], [False, True], [False, False]])
    live = live_rows(terminated, truncated, first=np.array([False, False]))
    assert live.tolist() == [[True, True], [False, True], [True, False]]


def test_end_in_the_last_row_makes_the_next_rollouts_first_row_a_dummy() -> None:
    nothing = np.zeros((2, 2), bool)
    live = live_rows(nothing, nothing, first=np.array([True, False]))
    assert live.tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 3.0], 1.0),  # the returns themselves
        ([11.0, 12.0, 13.0], 1.0),  # off by a constant, which a variance does not see
        ([2.0, 2.0, 2.0], 0.0),  # no better than their mean
        ([1.5, 2.0, 2.5], 0.75),  # errors +-1/2: 1 - (1/4) / 1
        ([3.0, 2.0, 1.0], -3.0),  # errors +-2: 1 - 4 / 1
    ],
)
def test_explained_variance(values: list[float], expected: float) -> None:
    returns = np.array([1.0, 2.0, 3.0])
    assert explained_variance(np.array(values), returns) == pytest.approx(expected)


def test_explained_variance_of_equal_returns_does_not_exist() -> None:
    assert math.isnan(explained_variance(np.array([1.0, 2.0]), np.array([5.0, 5.0])))


def test_explained_variance_of_a_single_row_does_not_exist() -> None:
    assert math.isnan(explained_variance(np.array([1.0]), np.array([5.0])))


@pytest.mark.parametrize(
    ("advantages", "expected"),
    [
        ([1.0, 3.0], [-1.0, 1.0]),  # mean 2, deviation 1
        ([0.0, 0.0, 8.0, 8.0], [-1.0, -1.0, 1.0, 1.0]),  # mean 4, deviation 4
        ([5.0], [0.0]),
        ([5.0, 5.0, 5.0], [0.0, 0.0, 0.0]),  # no deviation to divide by
    ],
)
def test_normalize(advantages: list[float], expected: list[float]) -> None:
    assert normalize(np.array(advantages, np.float32)).tolist() == pytest.approx(expected)


def test_normalize_works_along_the_last_axis() -> None:
    both = normalize(np.array([[1.0, 3.0], [100.0, 700.0]], np.float32))
    assert both.tolist() == pytest.approx(np.array([[-1.0, 1.0], [-1.0, 1.0]]))
