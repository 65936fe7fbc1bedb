"""What must hold for any actions: lanes alone decide their bits, states come back, numbers stay numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_simulator import LunarLanderBatch
from lander_simulator.library import SimulatorUnavailable, load

seeds = st.integers(0, 2**64 - 1)
worlds = st.fixed_dictionaries(
    {},
    optional={
        "enable_wind": st.booleans(),
        "gravity": st.floats(-11.9, -0.1),
        "max_episode_steps": st.integers(1, 200),
    },
)
QUICK = settings(max_examples=12, deadline=None)


def actions_of(seed: int, steps: int, lanes: int, continuous: bool = False) -> Any:
    """[steps, lanes] of actions that stay for a while, so that landers get somewhere."""
    rng = np.random.default_rng(seed)
    held = -(-steps // 7)
    if continuous:
        return np.repeat(rng.uniform(-1.3, 1.3, (held, lanes, 2)), 7, axis=0)[:steps].astype(np.float32)
    return np.repeat(rng.choice(4, (held, lanes), p=[0.4, 0.1, 0.4, 0.1]), 7, axis=0)[:steps]


@pytest.fixture(scope="module")
def both_widths() -> None:
    try:
        load(8)
    except SimulatorUnavailable as error:
        pytest.skip(str(error))


@QUICK
@given(seed=seeds, world=worlds, company=st.integers(1, 20))
def test_a_lane_does_not_depend_on_its_company(
    fly: Any, seed: int, world: dict[str, Any], company: int
) -> None:
    actions = actions_of(seed % 1000, 220, 1 + company)
    alone = LunarLanderBatch(1, **world)
    among = LunarLanderBatch(1 + company, **world)
    place = seed % (1 + company)
    all_seeds = [(seed + 7 * i) % 2**64 for i in range(1 + company)]
    all_seeds[place] = seed
    assert np.array_equal(alone.reset([seed])[0], among.reset(all_seeds)[place])
    for action in actions:
        ours, theirs = alone.step(action[[place]]), among.step(action)
        for one, many in zip(ours, theirs, strict=True):
            assert one[0].tobytes() == many[place].tobytes()
    assert alone.state()[0].tobytes() == among.state()[place].tobytes()


@QUICK
@given(seed=st.integers(0, 2**32), world=worlds, continuous=st.booleans(), lanes=st.integers(1, 23))
def test_both_widths_give_the_same_bits(
    both_widths: None, fly: Any, seed: int, world: dict[str, Any], continuous: bool, lanes: int
) -> None:
    actions = actions_of(seed, 150, lanes, continuous)
    given_seeds = [seed + lane for lane in range(lanes)]
    results = [
        fly(LunarLanderBatch(lanes, width=width, continuous=continuous, **world), actions, given_seeds)
        for width in (4, 8)
    ]
    assert results[0] == results[1]


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_give_the_same_bits(fly: Any, threads: int) -> None:
    actions = actions_of(1, 300, 70)
    given_seeds = list(range(70))
    alone = fly(LunarLanderBatch(70), actions, given_seeds)
    assert fly(LunarLanderBatch(70, threads=threads), actions, given_seeds) == alone


@QUICK
@given(seed=st.integers(0, 2**32), when=st.integers(0, 250), world=worlds)
def test_a_state_comes_back_anywhere(fly: Any, seed: int, when: int, world: dict[str, Any]) -> None:
    lanes = 5
    actions = actions_of(seed, when + 120, lanes)
    batch = LunarLanderBatch(lanes, **world)
    batch.reset([seed + lane for lane in range(lanes)])
    for action in actions[:when]:
        batch.step(action)
    saved = batch.state()
    first = fly(batch, actions[when:])
    other = LunarLanderBatch(lanes, **world)
    other.restore(saved)
    assert fly(other, actions[when:]) == first
    batch.restore(saved)
    assert fly(batch, actions[when:]) == first


@QUICK
@given(seed=seeds, world=worlds, continuous=st.booleans())
def test_numbers_stay_numbers(seed: int, world: dict[str, Any], continuous: bool) -> None:
    batch = LunarLanderBatch(16, continuous=continuous, **world)
    batch.reset([(seed + lane) % 2**64 for lane in range(16)])
    for action in actions_of(seed % 997, 400, 16, continuous):
        step = batch.step(action)
        assert np.isfinite(step.observations).all()
        assert np.isfinite(step.rewards).all()
    state = batch.state()
    for body in ("x", "y", "angle", "velocity_x", "velocity_y", "spin"):
        assert np.isfinite(state["bodies"][body]).all()


@QUICK
@given(st.lists(st.integers(0, 3), min_size=1, max_size=120))
def test_one_action_for_long_is_no_trouble(pattern: list[int]) -> None:
    batch = LunarLanderBatch(9, max_episode_steps=None)
    batch.reset(list(range(9)))
    for t in range(600):
        step = batch.step(np.full(9, pattern[t % len(pattern)]))
        assert np.isfinite(step.observations).all()


def test_part_of_the_lanes_begins_anew(fly: Any) -> None:
    batch, other = LunarLanderBatch(11), LunarLanderBatch(11)
    batch.reset(list(range(11)))
    other.reset(list(range(11)))
    actions = actions_of(3, 60, 11)
    fly(batch, actions)
    fly(other, actions)
    chosen = np.arange(11) % 3 == 0
    before = batch.state()
    observations = batch.reset([100 + lane if chosen[lane] else None for lane in range(11)], lanes=chosen)
    assert not observations[~chosen].any()
    after = batch.state()
    assert np.array_equal(before[~chosen], after[~chosen])
    fresh = LunarLanderBatch(11)
    expected = fresh.reset([100 + lane for lane in range(11)])
    assert np.array_equal(observations[chosen], expected[chosen])
    assert np.array_equal(after[chosen], fresh.state()[chosen])
