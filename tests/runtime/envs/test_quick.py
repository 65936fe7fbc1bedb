"""The quick stand-ins give the same answers as what they stand in for."""

import pickle
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.box2d.lunar_lander import LunarLander
from gymnasium.spaces import Discrete
from hypothesis import given
from hypothesis import strategies as st

from lander_runtime import envs
from lander_runtime.envs.quick import DrawnAhead, QuickDiscrete
from lander_runtime.episodes.lane import Lane
from lander_runtime.errors import EnvironmentFailed

CALLS: dict[str, Callable[[Any], Any]] = {
    "as the lander draws": lambda rng: rng.uniform(-1.0, +1.0),
    "by name": lambda rng: rng.uniform(low=-1.0, high=1.0),
    "other limits": lambda rng: rng.uniform(0.1, 0.7),
    "no limits": lambda rng: rng.uniform(),
    "limits of NumPy": lambda rng: rng.uniform(np.float64(0.1), np.float32(0.3)),
    "whole limits": lambda rng: rng.uniform(0, 3),
    "arrays of limits": lambda rng: rng.uniform(np.zeros(2), np.ones(2)),
    "several": lambda rng: rng.uniform(-1.0, 1.0, size=3),
    "a shape": lambda rng: rng.uniform(-1.0, 1.0, (2, 1)),
    "half a word": lambda rng: rng.integers(0, 9, dtype=np.int32),
    "whole numbers": lambda rng: rng.integers(-9999, 9999),
    "normal": lambda rng: rng.normal(),
    "single precision": lambda rng: rng.random(dtype=np.float32),
    "shuffled": lambda rng: rng.permutation(4),
    "state": lambda rng: rng.bit_generator.state["state"],
}


@given(st.integers(0, 2**32), st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.integers(1, 70))))
def test_a_generator_that_draws_ahead_is_the_generator(seed: int, calls: list[tuple[str, int]]) -> None:
    plain = np.random.default_rng(seed)
    quick = DrawnAhead(np.random.default_rng(seed))
    for name, times in calls:
        for _ in range(times):
            wanted, found = CALLS[name](plain), CALLS[name](quick)
            assert type(found) is type(wanted)
            assert np.array_equal(found, wanted)


def test_wrong_limits_are_refused_and_cost_nothing() -> None:
    plain, quick = np.random.default_rng(1), DrawnAhead(np.random.default_rng(1))
    rngs: list[Any] = [plain, quick]
    for rng in rngs:
        rng.uniform(-1.0, 1.0)
        with pytest.raises(OverflowError):
            rng.uniform(0.0, float("inf"))
        with pytest.raises(ValueError, match="low"):
            rng.uniform("low", 1.0)
    assert quick.uniform(-1.0, 1.0) == plain.uniform(-1.0, 1.0)
    with pytest.raises(AttributeError):
        _ = quick.no_such_name


@pytest.mark.parametrize("space", [Discrete(4), Discrete(3, start=-1), Discrete(5, dtype=np.int8)], ids=str)
def test_a_quick_space_holds_what_the_space_holds(space: Discrete) -> None:
    quick = QuickDiscrete.of(space)
    numbers = [-(2**70), -2, -1, 0, 1, 2, 3, 4, 5, 300, 2**70]
    others = [True, False, 1.0, "1", None, [1], np.float64(1), np.array(1), np.array([1]), np.int8(1)]
    for value in [*numbers, *others, *(np.int64(number) for number in range(-3, 7))]:
        assert quick.contains(value) == space.contains(value), value
        assert (value in quick) == (value in space), value
    assert quick == space
    assert repr(quick) == repr(space)
    assert pickle.loads(pickle.dumps(quick)) == space
    space.seed(3)
    wanted = [space.sample() for _ in range(5)]
    quick.seed(3)
    assert [quick.sample() for _ in range(5)] == wanted


@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        ("LunarLander-v3", {}),
        ("LunarLander-v3", {"enable_wind": True}),
        ("LunarLander-v3", {"continuous": True}),
        ("LunarLanderContinuous-v3", {"enable_wind": True, "gravity": -5.0}),
        ("CartPole-v1", {}),
        ("Acrobot-v1", {}),
        ("MountainCar-v0", {}),
    ],
    ids=str,
)
def test_a_lane_sees_what_the_environment_shows(env_id: str, arguments: dict[str, Any]) -> None:
    spec = envs.resolve(env_id, arguments)
    env, lane = gymnasium.make(env_id, **arguments), Lane(spec)
    for seed in (1_000_000, 1_000_001, 1_000_002):
        env.action_space.seed(seed)
        obs, _ = env.reset(seed=seed)
        lane.start((0, seed))
        assert np.array_equal(lane.obs, obs)
        over = False
        while not over:
            action = env.action_space.sample()
            action = int(action) if envs.is_discrete(env) else action
            obs, reward, terminated, truncated, _ = env.step(action)
            lane.step(action)
            assert np.array_equal(lane.obs, obs)
            assert lane.reward == float(reward)
            over = terminated or truncated
        assert not lane.busy
    env.close()
    lane.close()


def test_a_wrong_action_is_still_refused() -> None:
    lane = Lane(envs.resolve("LunarLander-v3"))
    lane.start((0, 0))
    with pytest.raises(EnvironmentFailed, match="invalid"):
        lane.step(4)
    lane.close()


class OwnLander(LunarLander):
    """Might do anything with its space and its generator."""


def test_only_known_classes_are_given_them(register: Callable[..., str]) -> None:
    lanes = Lane(envs.resolve("LunarLander-v3")), Lane(envs.resolve(register(OwnLander)))
    kinds = []
    for lane in lanes:
        lane.start((0, 0))
        inner = lane.env.unwrapped
        kinds.append((type(inner.action_space), type(inner.np_random)))
        lane.close()
    assert kinds == [(QuickDiscrete, DrawnAhead), (Discrete, np.random.Generator)]
