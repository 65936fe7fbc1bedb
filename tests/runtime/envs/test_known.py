"""The facts about LunarLander, compared with Gymnasium; nothing about other environments."""

from typing import Any

import numpy as np
import pytest

from lander_runtime import EnvSpec, envs
from lander_runtime.envs.known import knowledge_of
from lander_runtime.episodes.fleet import run_episodes

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
    if envs.is_discrete(env):
        assert len(known.actions) == env.action_space.n  # type: ignore[attr-defined]
    else:
        assert (len(known.controls),) == env.action_space.shape
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
    known = knowledge_of("FrozenLake-v1")
    assert (known.observation, known.actions, known.controls) == ((), (), ())
    assert known.outcome(1.0, None, True) == "terminated"
    assert known.outcome(1.0, None, False) == "timed out"


# The walker


def test_the_walkers_components_are_those_of_the_simulation() -> None:
    env = envs.make(EnvSpec("BipedalWalker-v3"))
    env.reset(seed=4)
    for _ in range(20):
        obs, *_ = env.step(np.array([0.5, -0.5, -0.5, 0.5], np.float32))
    walker = env.unwrapped
    hull, joints, legs = walker.hull, walker.joints, walker.legs  # type: ignore[attr-defined]
    components = knowledge_of("BipedalWalker-v3").observation
    found = {component.name: float(value) for component, value in zip(components, obs, strict=True)}
    unit = {component.name: component.unit for component in components}
    expected = {
        "hull angle": hull.angle,
        "x velocity": hull.linearVelocity.x,
        "y velocity": hull.linearVelocity.y,
        "hip 1 angle": joints[0].angle,
        "hip 1 speed": joints[0].speed,
        "knee 1 speed": joints[1].speed,
        "leg 1 contact": float(legs[1].ground_contact),
        "hip 2 angle": joints[2].angle,
        "knee 2 speed": joints[3].speed,
        "leg 2 contact": float(legs[3].ground_contact),
        "lidar 3": walker.lidar[3].fraction * 160 / 30,  # type: ignore[attr-defined]
    }
    for name, value in expected.items():
        one = float(unit[name].split()[0]) if unit[name][0].isdigit() and "or" not in unit[name] else 1.0
        assert found[name] * one == pytest.approx(value, rel=2e-3, abs=1e-6), name
    env.close()


def test_a_walker_that_lies_down_fell() -> None:
    known = knowledge_of("BipedalWalker-v3")
    env = envs.make(EnvSpec("BipedalWalker-v3"))
    env.reset(seed=0)
    terminated = truncated = False
    obs, reward = None, 0.0
    while not (terminated or truncated):
        obs, reward, terminated, truncated, _ = env.step(np.array([1.0, -1.0, 1.0, -1.0], np.float32))
    env.close()
    assert terminated
    assert known.outcome(float(reward), obs, True) == "fell"
    assert known.outcome(0.3, obs, True) == "arrived"
    assert known.outcome(0.3, obs, False) == "timed out"


# Classic control and CarRacing


@pytest.mark.parametrize(
    "env_id", ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"]
)
def test_classic_controls_components_and_actions_have_names(env_id: str) -> None:
    env = envs.make(EnvSpec(env_id))
    observation, action = envs.describe_spaces(env)
    env.close()
    assert len(observation.components) == observation.shape[0]
    assert len(action.components) == (action.n or action.shape[0])


@pytest.mark.parametrize(("continuous", "names"), [(True, "steering"), (False, "coast")])
def test_a_car_has_names_for_the_actions_that_it_takes(continuous: bool, names: str) -> None:
    env = envs.make(EnvSpec("CarRacing-v3", {"continuous": continuous}))
    assert envs.describe_spaces(env)[1].components[0].name == names
    env.close()


@pytest.mark.parametrize(
    ("env_id", "action", "limit", "outcome"),
    [
        ("CartPole-v1", 1, 500, "fell"),
        ("CartPole-v1", 1, 5, "balanced to the end"),
        ("MountainCar-v0", 1, 20, "timed out"),
        ("Acrobot-v1", 1, 20, "timed out"),
    ],
)
def test_outcomes_of_classic_control(env_id: str, action: int, limit: int, outcome: str) -> None:
    spec = EnvSpec(env_id, max_episode_steps=limit)
    episodes = run_episodes(lambda obs, generators: np.full(len(obs), action), spec, range(2))
    assert [episode.outcome for episode in episodes] == [outcome] * 2


def test_aims_that_are_reached() -> None:
    """A car that pushes where it rolls climbs the hill; the other ends are made by hand from the source."""
    spec = envs.resolve("MountainCar-v0")
    episodes = run_episodes(lambda obs, generators: np.where(obs[:, 1] < 0, 0, 2), spec, range(2))
    assert [episode.outcome for episode in episodes] == ["reached the flag"] * 2
    cart = knowledge_of("CartPole-v1").outcome
    assert cart(1.0, np.array([2.41, 0.0, 0.1, 0.0], np.float32), True) == "left the track"
    assert cart(1.0, np.zeros((4, 84, 84), np.uint8), True) == "fell"  # Seen through a wrapper.
    assert knowledge_of("Acrobot-v1").outcome(0.0, np.zeros(6), True) == "swung up"
    pendulum = knowledge_of("Pendulum-v1").outcome
    assert pendulum(-0.1, np.array([0.99, 0.14, 0.0]), False) == "upright at the end"
    assert pendulum(-9.0, np.array([-0.9, 0.4, 2.0]), False) == "not upright at the end"
    car = knowledge_of("CarRacing-v3").outcome
    ends = [car(-100.0, None, True), car(-0.1, None, True), car(-0.1, None, False)]
    assert ends == ["left the field", "finished the lap", "timed out"]


# Measures


def measures(env_id: str, observations: Any, actions: Any) -> dict[str, float | None]:
    """By name, as a report has them."""
    known = knowledge_of(env_id)
    values = known.measure(np.array(observations, np.float32), np.array(actions))
    return dict(zip([component.name for component in known.measures], values, strict=True))


def seen(x: float = 0.0, vx: float = 0.0, vy: float = 0.0, legs: tuple[int, int] = (0, 0)) -> list[float]:
    return [x, 0.5, vx, vy, 0.0, 0.0, *legs]


def test_measures_of_a_discrete_flight_by_hand() -> None:
    """Touchdown is in the third step, 10 * 0.25 = 2.5 m to the right; in the second one it still fell with
    7.5 * 0.125 and drifted to the left with 5 * 0.5 metres a second."""
    observations = [
        seen(),
        seen(x=0.125, vx=-1.0, vy=-1.0),
        seen(x=0.1875, vx=-0.5, vy=-0.125),
        seen(x=0.25, legs=(0, 1)),
        seen(x=0.5, vx=3.0, vy=3.0, legs=(1, 1)),
    ]
    assert measures("LunarLander-v3", observations, [2, 1, 3, 2]) == {
        "main engine uses": 2.0,
        "side engine uses": 2.0,
        "touchdown x": 2.5,
        "touchdown sinking speed": 0.9375,
        "touchdown sideways speed": 2.5,
    }


def test_measures_of_a_continuous_flight_by_hand() -> None:
    """The main engine burns above a throttle of 0, the side engines above half of theirs, either way."""
    actions = [[0.0, 0.5], [0.001, -0.51], [-1.0, 0.51], [1.0, 0.0], [1.0, -0.5]]
    assert measures("LunarLanderContinuous-v3", [seen()] * 6, actions) == {
        "main engine uses": 3.0,
        "side engine uses": 2.0,
        "touchdown x": None,
        "touchdown sinking speed": None,
        "touchdown sideways speed": None,
    }


@pytest.mark.parametrize("legs", [(1, 0), (0, 1)])
def test_either_leg_is_a_touchdown(legs: tuple[int, int]) -> None:
    found = measures("LunarLander-v3", [seen(), seen(vy=-0.5), seen(x=-0.75, legs=legs)], [0, 0])
    assert (found["touchdown x"], found["touchdown sinking speed"]) == (-7.5, 3.75)


def test_a_lander_that_stands_from_the_start_has_its_own_speed() -> None:
    found = measures("LunarLander-v3", [seen(x=0.5, vy=-0.25, legs=(1, 1)), seen(legs=(1, 1))], [0])
    assert (found["touchdown x"], found["touchdown sinking speed"]) == (5.0, 1.875)


@pytest.mark.parametrize(
    ("env_id", "draw"),
    [
        ("LunarLander-v3", lambda generator, step: int(generator.integers(4))),
        (
            "LunarLanderContinuous-v3",
            lambda generator, step: np.array([generator.uniform(-1.5, 1.5), 0.2], np.float32),
        ),
        (
            "LunarLanderContinuous-v3",
            lambda generator, step: np.array([-0.1, generator.uniform(-1.5, 1.5)], np.float32),
        ),
    ],
    ids=["discrete", "main throttle", "side throttle"],
)
def test_uses_are_what_the_environment_charges(env_id: str, draw: Any) -> None:
    """It takes 0.3 a step for the main engine and 0.03 for a side engine off the reward, in continuous
    flight times a throttle of a half to one. Not in the last step, whose reward it overwrites."""
    env = envs.make(EnvSpec(env_id))
    lander: Any = env.unwrapped
    generator = np.random.default_rng(3)
    charged = {"main": 0, "side": 0}
    for seed in range(4):
        obs, _ = env.reset(seed=seed)
        observations, actions, over = [obs], [], False
        charges: list[float] = []
        while not over:
            before = lander.prev_shaping
            actions.append(draw(generator, len(actions)))
            obs, reward, terminated, truncated, _ = env.step(actions[-1])
            observations.append(obs)
            charges.append(lander.prev_shaping - before - float(reward))
            over = terminated or truncated
        found = measures(env_id, observations[:-1], actions[:-1])
        main = sum(charge > 0.1 for charge in charges[:-1])
        side = sum(0.01 < charge < 0.1 for charge in charges[:-1])
        assert (found["main engine uses"], found["side engine uses"]) == (main, side)
        charged = {"main": charged["main"] + main, "side": charged["side"] + side}
    assert sum(charged.values()) > 20
    env.close()


def test_touchdown_is_where_and_how_fast_the_body_met_the_ground() -> None:
    """Against Box2D's own numbers, in metres and seconds."""
    from gymnasium.envs.box2d.lunar_lander import heuristic

    env = envs.make(EnvSpec("LunarLander-v3"))
    lander: Any = env.unwrapped
    landed = 0
    for seed in range(3):
        obs, _ = env.reset(seed=seed)
        observations, actions, over = [obs], [], False
        touched: tuple[float, float, float] | None = None
        while not over:
            speed = lander.lander.linearVelocity.copy()
            actions.append(int(heuristic(env.unwrapped, obs)))
            obs, _, terminated, truncated, _ = env.step(actions[-1])
            observations.append(obs)
            if touched is None and any(leg.ground_contact for leg in lander.legs):
                touched = (lander.lander.position.x - 10.0, -speed.y, abs(speed.x))
            over = terminated or truncated
        found = measures("LunarLander-v3", observations, actions)
        if touched is not None:
            landed += 1
            np.testing.assert_allclose(list(found.values())[2:], touched, rtol=1e-4, atol=1e-4)
    assert landed
    env.close()


@pytest.mark.parametrize("env_id", LANDERS)
def test_the_note_on_the_score_names_the_threshold(env_id: str) -> None:
    note = knowledge_of(env_id).score_note
    assert f"{envs.resolve(env_id).reward_threshold:g}, which Gymnasium calls a solution" in note
    assert 3 <= note.count(". ") + 1 <= 5
