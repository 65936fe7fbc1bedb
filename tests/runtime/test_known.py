"""What is known about LunarLander, held against Gymnasium; and nothing about anything else."""

from typing import Any

import numpy as np
import pytest

from lander_runtime import EnvSpec, envs
from lander_runtime.episodes import run_episodes
from lander_runtime.known import knowledge_of

LANDERS = ["LunarLander-v3", "LunarLanderContinuous-v3"]


def at(x: float) -> Any:
    return np.array([x, 0, 0, 0, 0, 0, 0, 0], np.float32)


@pytest.mark.parametrize("env_id", LANDERS)
@pytest.mark.parametrize(
    ("last_reward", "x", "terminated", "outcome"),
    [
        (100.0, 0.1, True, "landed"),
        (100.0, 0.99, True, "landed"),
        (-100.0, 0.1, True, "crashed"),
        (-100.0, -0.999, True, "crashed"),
        (-100.0, 1.0, True, "flew off"),
        (-100.0, -1.02, True, "flew off"),
        (0.3, 0.1, False, "timed out"),
        (-2.0, 0.1, False, "timed out"),
    ],
)
def test_outcomes_of_the_lander(
    env_id: str, last_reward: float, x: float, terminated: bool, outcome: str
) -> None:
    assert knowledge_of(env_id).outcome(last_reward, at(x), terminated) == outcome


@pytest.mark.parametrize(
    ("engine", "max_episode_steps", "outcome"),
    [(0, 1000, "crashed"), (2, 1000, "flew off"), (0, 20, "timed out")],
    ids=["coast", "main engine", "coast for 20 steps"],
)
def test_outcomes_in_the_real_environment(engine: int, max_episode_steps: int, outcome: str) -> None:
    """Coasting falls, the main engine alone climbs and drifts away, and 20 steps are too few for either."""
    spec = EnvSpec("LunarLander-v3", max_episode_steps=max_episode_steps)
    episodes = run_episodes(lambda obs, generators: np.full(len(obs), engine), spec, range(4))
    assert [episode.outcome for episode in episodes] == [outcome] * 4


@pytest.mark.parametrize("env_id", LANDERS)
def test_every_component_and_action_has_a_name(env_id: str) -> None:
    env = envs.make(EnvSpec(env_id))
    known = knowledge_of(env_id)
    assert env.observation_space.shape == (len(known.observation),)
    assert env.observation_space.shape == (8,)
    actions = env.action_space.n if envs.is_discrete(env) else env.action_space.shape[0]  # type: ignore[attr-defined, index]
    assert len(known.actions) == actions
    env.close()


def test_the_units_are_those_of_the_simulation() -> None:
    """Each component of the lander is its Box2D quantity divided by the unit that is named."""
    env = envs.make(EnvSpec("LunarLander-v3"))
    env.reset(seed=4)
    for _ in range(30):
        obs, *_ = env.step(3)
    body, pad = env.unwrapped.lander, env.unwrapped.helipad_y  # type: ignore[attr-defined]
    units = [
        float(item.unit.split()[0]) if item.unit[0].isdigit() else 1
        for item in knowledge_of("LunarLander-v3").observation
    ]
    legs = 18 / 30  # LEG_DOWN / SCALE: `y` is 0 where the legs touch the pad
    expected = [
        body.position.x - 10, body.position.y - pad - legs,
        body.linearVelocity.x, body.linearVelocity.y,
        body.angle, body.angularVelocity,
    ]  # fmt: skip
    np.testing.assert_allclose(obs[:6] * units[:6], expected, rtol=1e-3)
    env.close()


def test_nothing_is_known_about_other_environments() -> None:
    known = knowledge_of("CartPole-v1")
    assert (known.observation, known.actions) == ((), ())
    assert known.outcome(1.0, None, True) == "terminated"
    assert known.outcome(1.0, None, False) == "timed out"
