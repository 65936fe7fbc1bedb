"""What Gymnasium's own tests ask of a vector environment, and that it is the twin of `SyncVectorEnv`."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector as wrappers

import lander_simulator
from lander_simulator import LunarLanderVectorEnv

IDS = ["lander_simulator/LunarLander-v3", "lander_simulator/LunarLanderContinuous-v3"]


@pytest.fixture(autouse=True)
def registered() -> Any:
    lander_simulator.register()
    yield
    for identifier in IDS:
        gym.registry.pop(identifier, None)


def test_registering_is_asked_for_and_twice_is_once() -> None:
    lander_simulator.register()
    assert all(identifier in gym.registry for identifier in IDS)


@pytest.mark.parametrize("identifier", IDS)
def test_made_by_gymnasium(identifier: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        envs = gym.make_vec(identifier, num_envs=3, gravity=-9.0)
    assert isinstance(envs.unwrapped, LunarLanderVectorEnv)
    assert envs.spec is not None
    assert envs.spec.id == identifier
    assert envs.spec.max_episode_steps == 1000
    again = gym.make_vec(pickle.loads(pickle.dumps(envs.spec)), num_envs=3)
    assert np.array_equal(again.reset(seed=4)[0], envs.reset(seed=4)[0])
    envs.close()
    envs.close()
    assert envs.closed


@pytest.mark.parametrize("continuous", [False, True])
def test_spaces_are_those_of_gymnasium(continuous: bool) -> None:
    theirs = gym.make_vec("LunarLander-v3", num_envs=3, vectorization_mode="sync", continuous=continuous)
    ours = LunarLanderVectorEnv(3, continuous=continuous)
    assert ours.num_envs == theirs.num_envs == 3
    for name in ("single_observation_space", "observation_space", "single_action_space", "action_space"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


@pytest.mark.parametrize("continuous", [False, True])
def test_shapes_and_types_of_reset_and_step(continuous: bool) -> None:
    envs = LunarLanderVectorEnv(3, continuous=continuous)
    envs.action_space.seed(1)
    observations, info = envs.reset(seed=7)
    assert observations in envs.observation_space
    assert info == {}
    for _ in range(50):
        observations, rewards, terminated, truncated, info = envs.step(envs.action_space.sample())
        assert observations in envs.observation_space
        assert observations.dtype == np.float32
        assert (rewards.dtype, rewards.shape) == (np.float64, (3,))
        assert (terminated.dtype, terminated.shape) == (np.bool_, (3,))
        assert (truncated.dtype, truncated.shape) == (np.bool_, (3,))
        assert info == {}


def test_seeds_of_every_kind() -> None:
    envs = LunarLanderVectorEnv(3)
    first = envs.reset(seed=7)[0]
    assert np.array_equal(envs.reset(seed=[7, 8, 9])[0], first)
    assert np.array_equal(envs.reset(seed=np.int64(7))[0], first)  # ty: ignore
    assert not np.array_equal(envs.reset()[0], first)
    assert len(np.unique(first[:, 2])) == 3
    with pytest.raises(ValueError, match="expected 3 seeds"):
        envs.reset(seed=[1, 2])
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": np.ones(3, bool)})


def test_the_twin_of_a_sync_vector_env() -> None:
    """Observations, rewards, ends and resets from the same seeds, over several episodes of each."""
    count = 4
    theirs = gym.make_vec("LunarLander-v3", num_envs=count, vectorization_mode="sync", max_episode_steps=90)
    ours = LunarLanderVectorEnv(count, max_episode_steps=90)
    a, b = theirs.reset(seed=21)[0], ours.reset(seed=21)[0]
    np.testing.assert_allclose(b, a, atol=1e-6)
    rng = np.random.default_rng(3)
    ended = 0
    for _ in range(400):
        action = rng.integers(0, 4, count)
        a, reward, terminated, truncated, _ = theirs.step(action)
        b, own_reward, own_terminated, own_truncated, _ = ours.step(action)
        assert np.array_equal(terminated, own_terminated)
        assert np.array_equal(truncated, own_truncated)
        going = ~(terminated | truncated)
        np.testing.assert_allclose(b[going], a[going], atol=5e-3)
        np.testing.assert_allclose(own_reward, reward, atol=0.5)
        ended += int((~going).sum())
    assert ended > 10


def test_an_ended_environment_resets_in_the_next_step() -> None:
    envs = LunarLanderVectorEnv(2, max_episode_steps=5)
    envs.reset(seed=1)
    for _ in range(4):
        assert not envs.step(np.zeros(2, int))[3].any()
    assert envs.step(np.zeros(2, int))[3].all()
    observations, rewards, terminated, truncated, _ = envs.step(np.full(2, 2))
    assert not rewards.any()
    assert not (terminated | truncated).any()
    np.testing.assert_allclose(observations[:, 1], 1.41, atol=0.03)


def test_wrappers_of_gymnasium() -> None:
    envs: Any = gym.make_vec(IDS[0], num_envs=4, max_episode_steps=60)
    envs = wrappers.RecordEpisodeStatistics(envs)
    envs = wrappers.NormalizeObservation(envs)
    envs = wrappers.TransformReward(envs, lambda reward: 0.1 * reward)
    envs.reset(seed=3)
    finished = 0
    for _ in range(200):
        *_, info = envs.step(envs.action_space.sample())
        if "episode" in info:
            finished += int(info["_episode"].sum())
            assert (info["episode"]["l"][info["_episode"]] <= 60).all()
    assert finished >= 8
    envs.close()


def test_state_and_restore() -> None:
    envs = LunarLanderVectorEnv(3, enable_wind=True)
    envs.reset(seed=1)
    rng = np.random.default_rng(2)
    for _ in range(130):
        envs.step(rng.integers(0, 4, 3))
    saved = envs.state()
    actions = rng.integers(0, 4, (80, 3))
    first = [envs.step(action)[0] for action in actions]
    other = LunarLanderVectorEnv(3, enable_wind=True)
    other.restore(saved)
    assert np.array_equal(np.array([other.step(action)[0] for action in actions]), np.array(first))


def test_nothing_to_render() -> None:
    with pytest.raises(ValueError, match="draws nothing"):
        LunarLanderVectorEnv(1, render_mode="rgb_array")


def test_unusual_wind_is_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(gym.logger, "warn", lambda message, *_: said.append(message))
    LunarLanderVectorEnv(1, enable_wind=True, wind_power=21.0, turbulence_power=3.0)
    assert len(said) == 2
