"""The batch's arguments, and what it says to wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lander_simulator import STATE, LunarLanderBatch


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lanes": 0}, "lanes must be"),
        ({"gravity": 0.0}, "gravity must lie"),
        ({"gravity": -12.0}, "gravity must lie"),
        ({"gravity": float("nan")}, "gravity must lie"),
        ({"wind_power": float("inf")}, "must be finite"),
        ({"max_episode_steps": 0}, "max_episode_steps"),
        ({"threads": 0}, "threads must be"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LunarLanderBatch(**{"lanes": 2, **arguments})


@pytest.mark.parametrize("wrong", [[0], [0, 1, 2], [0.0, 1.0], [[0, 1]]])
def test_actions_of_another_shape(wrong: Any) -> None:
    batch = LunarLanderBatch(2)
    batch.reset([1, 2])
    with pytest.raises(ValueError, match="expected 2 integers as actions"):
        batch.step(np.array(wrong))


@pytest.mark.parametrize("wrong", [-1, 4])
def test_actions_that_do_not_exist_change_nothing(wrong: int) -> None:
    batch = LunarLanderBatch(3)
    batch.reset([1, 2, 3])
    before = batch.state()
    with pytest.raises(ValueError, match=f"action {wrong} of lane 2 does not exist"):
        batch.step([0, 1, wrong])
    assert np.array_equal(batch.state(), before)


def test_seeds() -> None:
    batch = LunarLanderBatch(2)
    with pytest.raises(ValueError, match="expected 2 seeds"):
        batch.reset([1])
    with pytest.raises(ValueError, match="a seed must be"):
        batch.reset([1, -1])
    with pytest.raises(ValueError, match="a seed must be"):
        batch.reset([1, 2**64])
    first = batch.reset([5, None])
    assert np.array_equal(first[0], LunarLanderBatch(2).reset([5, 5])[1])


def test_seeded_lane_begins_its_next_episode_as_reset_would() -> None:
    batch, other = LunarLanderBatch(3, max_episode_steps=5), LunarLanderBatch(1)
    batch.reset([1, 2, 3])
    for _ in range(4):
        batch.step([0, 0, 0])
    batch.seed([2], [77])
    assert batch.step([2, 2, 2]).truncated.all()
    batch.seed([0, 1], [99, 2**64 - 1])
    begun = batch.step([2, 2, 2]).observations
    assert np.array_equal(begun[0], other.reset([99])[0])
    assert np.array_equal(begun[1], other.reset([2**64 - 1])[0])
    # Lane 2 was seeded one step early: its generator has already drawn for that step.
    assert not np.array_equal(begun[2], other.reset([77])[0])
    batch.seed([], np.zeros(0, np.int64))


@pytest.mark.parametrize(
    ("lanes", "seeds", "message"),
    [
        ([0, 1], [1], "a seed for each lane"),
        ([[0]], [[1]], "a seed for each lane"),
        ([0.0], [1], "a seed for each lane"),
        ([2], [1], "lanes are from 0 to 1"),
        ([-1], [1], "lanes are from 0 to 1"),
        ([2**32], [1], "lanes are from 0 to 1"),
        ([0], [-1], "a seed must be"),
        ([0], [1.5], "a seed must be"),
        ([0], [2**64], "a seed must be"),
    ],
)
def test_wrong_seeds_change_nothing(lanes: Any, seeds: Any, message: str) -> None:
    batch = LunarLanderBatch(2)
    batch.reset([1, 2])
    before = batch.state()
    with pytest.raises(ValueError, match=message):
        batch.seed(lanes, seeds)
    assert np.array_equal(batch.state(), before)


def test_lanes_without_a_seed_are_not_alike() -> None:
    observations = LunarLanderBatch(4).reset()
    assert len(np.unique(observations[:, 2])) == 4


def test_order_of_calls() -> None:
    batch = LunarLanderBatch(2)
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        batch.step([0, 0])
    with pytest.raises(ValueError, match="first reset"):
        batch.reset([1, 2], lanes=np.array([True, False]))
    batch.close()
    batch.close()
    with pytest.raises(ValueError, match="closed"):
        batch.reset([1, 2])


def test_states_of_another_shape() -> None:
    batch = LunarLanderBatch(2)
    with pytest.raises(ValueError, match="expected the state of 2 lanes"):
        batch.restore(np.zeros(3, STATE))


def test_a_damaged_state_stays_within_its_arrays() -> None:
    """Whatever bytes a state has, stepping on from it neither crashes nor hangs."""
    batch = LunarLanderBatch(3)
    rng = np.random.default_rng(4)
    for _ in range(20):
        batch.restore(np.frombuffer(rng.bytes(3 * STATE.itemsize), STATE).copy())
        for _ in range(3):
            batch.step([0, 2, 3])


def test_results_are_the_callers_own() -> None:
    batch = LunarLanderBatch(2)
    batch.reset([1, 2])
    first = batch.step([2, 2])
    kept = first.observations.copy()
    batch.step([0, 0])
    assert np.array_equal(first.observations, kept)
