"""The simulator beside the environment it imitates, situation by situation."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from lander_simulator import LunarLanderBatch

FLAT = [3.0] * 11


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"enable_wind": True},
        {"gravity": -3.0},
        {"enable_wind": True, "wind_power": 20.0, "turbulence_power": 2.0},
    ],
)
def test_the_same_moon_the_same_push_the_same_flight(settings: dict[str, Any]) -> None:
    seeds = [0, 1, 12345, 2**32 - 1, 2**32, 2**63]
    batch = LunarLanderBatch(len(seeds), **settings)
    observations = batch.reset(seeds)
    state = batch.state()
    actions = np.random.default_rng(5).integers(0, 4, (40, len(seeds)))
    ours = [batch.step(action) for action in actions]
    env = gym.make("LunarLander-v3", **settings)
    world: Any = env.unwrapped
    for lane, seed in enumerate(seeds):
        first, _ = env.reset(seed=seed)
        heights = [polygon[0][1] for polygon in world.sky_polys] + [world.sky_polys[-1][1][1]]
        assert np.array_equal(state["heights"][lane], np.float32(heights))
        np.testing.assert_allclose(observations[lane], first, atol=1e-6)
        for action, step in zip(actions[:, lane], ours, strict=True):
            observation, reward, *_ = env.step(int(action))
            np.testing.assert_allclose(step.observations[lane], observation, atol=3e-5)
            assert step.rewards[lane] == pytest.approx(reward, abs=2e-3)
        if settings.get("enable_wind"):
            now = batch.state()
            assert (now["wind_index"][lane], now["turbulence_index"][lane]) == (
                world.wind_idx,
                world.torque_idx,
            )


def test_generators_go_on_from_episode_to_episode() -> None:
    batch = LunarLanderBatch(3, enable_wind=True)
    batch.reset([7, 8, 9])
    for _ in range(5):
        batch.step(np.zeros(3, int))
    again = batch.reset()
    env = gym.make("LunarLander-v3", enable_wind=True)
    for lane, seed in enumerate([7, 8, 9]):
        env.reset(seed=seed)
        for _ in range(5):
            env.step(0)
        np.testing.assert_allclose(again[lane], env.reset()[0], atol=1e-6)


def test_continuous_actions(pair: Any) -> None:
    both = pair(seed=11, continuous=True)
    rng = np.random.default_rng(2)
    edges = [(0.0, 0.5), (1.0, -1.0), (-1.0, 0.51), (0.3, -0.5), (2.0, 3.0), (-3.0, -0.51)]
    actions = [np.array(edge, np.float32) for edge in edges] + list(
        rng.uniform(-1.2, 1.2, (30, 2)).astype(np.float32)
    )
    for action in actions:
        theirs, ours = both.step(action)
        np.testing.assert_allclose(ours[0], theirs[0], atol=3e-5)
        assert ours[1] == pytest.approx(theirs[1], abs=2e-3)


def test_an_action_that_is_no_number_fires_nothing() -> None:
    batch = LunarLanderBatch(2, continuous=True)
    batch.reset([1, 1])
    step = batch.step(np.array([[np.nan, np.nan], [0.0, 0.0]], np.float32))
    assert np.array_equal(step.observations[0], step.observations[1])
    assert step.rewards[0] == step.rewards[1]


def test_replayed_episodes(flights: Any) -> None:
    """The bounds that the fidelity benchmark has, over few episodes."""
    seen, lengths = flights.replay()
    theirs = flights.lengths()

    def touchdown(observations: Any) -> int:
        return int(np.argmax((observations[:, 6] > 0) | (observations[:, 7] > 0)))

    same_flags = []
    for i, observations in enumerate(flights.observations):
        common = min(lengths[i], theirs[i]) + 1
        assert touchdown(seen[i]) == touchdown(observations)
        same_flags.append(np.array_equal(seen[i, :common, 6:], observations[:common, 6:]))
    assert np.mean(lengths == theirs) >= 0.85
    assert np.mean(same_flags) >= 0.93


def assert_alike(result: Any, tolerance: float = 2e-3) -> None:
    theirs, ours, lengths, last = result
    np.testing.assert_allclose(ours[:, :6], theirs[:, :6], atol=tolerance)
    assert np.array_equal(ours[:, 6:], theirs[:, 6:])
    assert lengths[0] == lengths[1]
    assert last[0] == last[1]


def assert_alike_before_the_crash(result: Any) -> None:
    """A crash's last observation differs, see docs/simulator.md."""
    theirs, ours, lengths, last = result
    assert last == [-100.0, -100.0]
    assert lengths[0] == lengths[1] > 1
    np.testing.assert_allclose(ours[:-1, :6], theirs[:-1, :6], atol=2e-3)
    assert np.array_equal(ours[:-1, 6:], theirs[:-1, 6:])


def test_standing_on_the_terrain_until_asleep(pair: Any) -> None:
    both = pair()
    both.unfold()
    both.terrain(FLAT)
    both.place(10.0, 3.0 + both.STANDING)
    result = both.run(200)
    assert_alike(result)
    assert result[2][0] > 25
    assert result[3] == [100.0, 100.0]
    assert np.array_equal(result[1][-1, 2:4], [0, 0])  # a body that sleeps has no velocity


def test_the_base_line_bears_where_the_terrain_is_below_it(pair: Any) -> None:
    both = pair()
    both.unfold()
    both.terrain([-4.0] * 11)
    both.place(10.0, both.STANDING)
    result = both.run(200)
    assert_alike(result)
    assert result[3] == [100.0, 100.0]


def test_base_line_and_terrain_bear_together(pair: Any) -> None:
    both = pair()
    both.unfold()
    both.terrain([0.0] * 11)
    both.place(7.3, both.STANDING + 0.2)
    assert_alike(both.run(60))


@pytest.mark.parametrize("x", [9.0, 9.5, 10.4])
def test_legs_on_different_edges(pair: Any, x: float) -> None:
    """A valley with its lowest point at x = 10: one leg on either side of it, or one across it."""
    both = pair()
    both.unfold()
    both.terrain([3.0, 3.0, 3.0, 3.0, 2.9, 2.8, 2.9, 3.0, 3.0, 3.0, 3.0])
    both.place(x, 3.0 + both.STANDING)
    assert_alike(both.run(45))


@pytest.mark.parametrize("x", [9.3, 9.33])
def test_a_leg_across_a_ridge(pair: Any, x: float) -> None:
    """It slides down on one side until the hull is on the ground."""
    both = pair()
    both.unfold()
    both.terrain([2.0, 2.0, 2.0, 2.2, 2.6, 3.0, 2.6, 2.2, 2.0, 2.0, 2.0])
    both.place(x, 3.0 + both.STANDING)
    assert_alike_before_the_crash(both.run(30))


def test_asleep_on_a_slope(pair: Any) -> None:
    """4 degrees, less than friction holds."""
    both = pair()
    both.unfold()
    both.terrain([3.0 + 0.07 * 2 * (i - 5) for i in range(11)])
    both.place(10.0, 3.0 + both.STANDING, angle=0.07)
    theirs, ours, lengths, last = both.run(400)
    common = min(len(theirs), len(ours))
    np.testing.assert_allclose(ours[:common, :6], theirs[:common, :6], atol=5e-3)
    assert last[0] == last[1] == 100.0
    assert lengths[0] == lengths[1]


@pytest.mark.parametrize("angle", [0.9, -0.9])
def test_the_hull_meets_a_slope_while_a_leg_stands_on_it(pair: Any, angle: float) -> None:
    both = pair()
    both.unfold()
    slope = 0.35 * np.sign(angle)
    both.terrain([5.0 + slope * 2 * (i - 5) for i in range(11)])
    both.place(10.0, 5.0 + 1.1, angle=angle)
    assert_alike_before_the_crash(both.run(200))


@pytest.mark.parametrize("fall", [3.0, 8.0, 16.0])
def test_falling_on_the_legs_at_any_speed(pair: Any, fall: float) -> None:
    """Without a time of impact legs would go through the ground from 5 m/s on."""
    both = pair()
    both.unfold()
    both.terrain(FLAT)
    both.place(10.0, 3.0 + both.STANDING + 1.0, velocity=(0.3, -fall))
    theirs, ours, lengths, last = both.run(40)
    touched = int(np.argmax(theirs[:, 6] > 0))
    assert int(np.argmax(ours[:, 6] > 0)) == touched
    np.testing.assert_allclose(ours[: touched + 1, :6], theirs[: touched + 1, :6], atol=2e-3)
    assert lengths[0] == lengths[1]
    assert last[0] == last[1]


@pytest.mark.parametrize("side", [-1, 1])
def test_leaving_the_screen(pair: Any, side: int) -> None:
    both = pair()
    both.unfold()
    both.terrain(FLAT)
    both.place(10.0 + side * 9.5, 8.0, velocity=(side * 4.0, 0.0))
    result = both.run(50)
    assert_alike(result)
    assert result[3] == [-100.0, -100.0]
    assert abs(result[1][-1, 0]) >= 1.0


def test_the_thousandth_step_is_the_last(pair: Any) -> None:
    both = pair(gravity=-0.001)
    both.place(10.0, 8.0, velocity=(0.05, 0.0))  # at rest it would fall asleep
    for t in range(1, 1001):
        theirs, ours = both.step(0)
        assert ours[2:] == theirs[2:] == (False, t == 1000)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-3)


def test_rest_counts_more_than_a_crash(pair: Any) -> None:
    """A hull that touches in the step in which the lander falls asleep: +100, not -100."""
    both = pair()
    both.unfold()
    both.terrain(FLAT)
    both.place(10.0, 3.0 + both.STANDING)
    length = both.run(200)[2][0]
    again = pair()
    again.unfold()
    again.terrain(FLAT)
    again.place(10.0, 3.0 + again.STANDING)
    for _ in range(length - 1):
        again.step(0)
    again.world.game_over = True
    state = again.batch.state()
    state["hull_down"] = 1
    again.batch.restore(state)
    theirs, ours = again.step(0)
    assert theirs[1:3] == ours[1:3] == (100.0, True)
