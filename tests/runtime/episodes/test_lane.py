"""A lane steps inside Gymnasium's two outer wrappers; nothing of an episode may differ from theirs."""

from dataclasses import replace

import numpy as np
import pytest

from lander_runtime import EnvSpec, envs
from lander_runtime.episodes.lane import Lane
from lander_runtime.spec import WrapperSpec

CART = envs.resolve("CartPole-v1")


@pytest.mark.parametrize("wrappers", [(), (WrapperSpec("FlattenObservation", {}),)])
def test_a_lane_ends_where_the_wrapped_environment_does(wrappers: tuple[WrapperSpec, ...]) -> None:
    spec = replace(CART, wrappers=wrappers)
    fallen, terminated = compared(spec, seed=4, action=0)
    assert terminated
    for limit in (1, fallen - 1, fallen, fallen + 1):
        found = compared(replace(spec, max_episode_steps=limit), seed=4, action=0)
        assert found == (min(limit, fallen), limit >= fallen)


def test_a_lander_in_a_lane_is_that_of_the_wrapped_environment() -> None:
    spec = replace(envs.resolve("LunarLander-v3"), max_episode_steps=40)
    assert compared(spec, seed=1_000_000, action=2) == (40, False)


def compared(spec: EnvSpec, seed: int, action: int) -> tuple[int, bool]:
    """Step a lane beside the environment as `gymnasium.make` gives it: length, and whether it terminated."""
    env, lane = envs.make(spec), Lane(spec)
    obs, _ = env.reset(seed=seed)
    lane.start((0, seed))
    assert np.array_equal(lane.obs, obs)
    total, over, episode = 0.0, False, None
    while not over:
        assert episode is None
        obs, reward, terminated, truncated, _ = env.step(action)
        episode = lane.step(action)
        over, total = terminated or truncated, total + float(reward)
        assert np.array_equal(lane.obs, obs)
        assert type(lane.reward) is float
        assert lane.reward == reward
    assert episode is not None
    assert lane.terminated == terminated
    assert episode.return_ == total
    env.close()
    lane.close()
    return episode.length, lane.terminated
