"""The quick stand-ins give the same answers as what they stand in for."""

import copy
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
from lander_runtime.envs.quick import BufferedGenerator, QuickDiscrete, buffer_draws, check_quickly
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
    "of a copy": lambda rng: copy.deepcopy(rng).uniform(-1.0, 1.0),
    "of a pickled copy": lambda rng: pickle.loads(pickle.dumps(rng)).random(),
    "state": lambda rng: rng.bit_generator.state["state"],
}


@given(st.integers(0, 2**32), st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.integers(1, 70))))
def test_a_buffered_generator_draws_what_the_generator_draws(seed: int, calls: list[tuple[str, int]]) -> None:
    plain = np.random.default_rng(seed)
    quick = BufferedGenerator(np.random.default_rng(seed))
    for name, times in calls:
        for _ in range(times):
            wanted, found = CALLS[name](plain), CALLS[name](quick)
            assert type(found) is type(wanted)
            assert np.array_equal(found, wanted)


def test_wrong_limits_are_refused_and_cost_nothing() -> None:
    plain, quick = np.random.default_rng(1), BufferedGenerator(np.random.default_rng(1))
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


def answer(space: Discrete, value: Any) -> bool | type[Exception]:
    """Whether `space` holds `value`; some versions of Gymnasium raise for a number that no int64 holds."""
    try:
        return space.contains(value)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("space", [Discrete(4), Discrete(3, start=-1)], ids=str)
def test_a_quick_space_holds_what_the_space_holds(space: Discrete) -> None:
    quick = QuickDiscrete.of(space)
    numbers = [-(2**70), -2, -1, 0, 1, 2, 3, 4, 5, 300, 2**70]
    others = [True, False, 1.0, "1", None, [1], np.float64(1), np.array(1), np.array([1]), np.int8(1)]
    for value in [*numbers, *others, *(np.int64(number) for number in range(-3, 7))]:
        assert answer(quick, value) == answer(space, value), value
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


class OwnWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Might do so too."""


@pytest.mark.parametrize(
    ("make", "quick"),
    [
        (lambda: gymnasium.make("LunarLander-v3"), True),
        (lambda: gymnasium.wrappers.FlattenObservation(gymnasium.make("LunarLander-v3")), True),
        (lambda: OwnWrapper(gymnasium.make("LunarLander-v3")), False),
        (lambda: gymnasium.wrappers.TimeLimit(OwnWrapper(LunarLander()), 1000), False),
        (OwnLander, False),
    ],
    ids=["Gymnasium's", "with a wrapper", "in a wrapper of one's own", "around one", "a class of one's own"],
)
def test_only_known_code_is_given_stand_ins(make: Callable[[], gymnasium.Env[Any, Any]], quick: bool) -> None:
    env = make()
    env.reset(seed=7)
    before = env.unwrapped.action_space, env.unwrapped.np_random
    for _ in range(2):
        check_quickly(env)
        buffer_draws(env)
    after = env.unwrapped.action_space, env.unwrapped.np_random
    if quick:
        assert [type(part) for part in after] == [QuickDiscrete, BufferedGenerator]
        assert after[0] == before[0]
    else:
        assert after[0] is before[0]
        assert after[1] is before[1]
    assert env.unwrapped.np_random_seed == 7
    env.close()


def test_a_lane_gives_them_to_its_environment() -> None:
    lane = Lane(envs.resolve("LunarLander-v3"))
    lane.start((0, 0))
    inner: Any = lane.env.unwrapped
    assert (type(inner.action_space), type(inner.np_random)) == (QuickDiscrete, BufferedGenerator)
    lane.close()
