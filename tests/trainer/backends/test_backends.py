"""Every backend follows the table in `backends/base.py`: next-step autoreset, terminated or truncated."""

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

import lander_trainer.backends as backends
from lander_runtime import envs
from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.spec import EnvSpec, WrapperSpec
from lander_runtime.workers.cores import available_cores
from lander_trainer.backends import (
    Backend,
    RestorableBackend,
    choose_backend,
    choose_workers,
    open_backend,
)
from lander_trainer.plan import check_trainable

BACKENDS = ["gymnasium", pytest.param("envpool", marks=pytest.mark.skipif(
    importlib.util.find_spec("envpool") is None, reason="envpool is not installed"
))]  # fmt: skip
needs_envpool = BACKENDS[1].marks[0]  # type: ignore[union-attr]

Row = tuple[list[float], float, bool, bool]
"""obs, reward, terminated, truncated of one lane."""


@contextmanager
def opened(name: str, spec: EnvSpec, lanes: int = 1, seed: int = 7, workers: int = 1) -> Iterator[Backend]:
    backend = open_backend(name, spec, lanes, seed, workers)
    try:
        yield backend
    finally:
        backend.close()


def rows(spec: EnvSpec, calls: int) -> tuple[list[float], list[Row]]:
    """The first observation and what `calls` calls of `step` gave, one lane in Gymnasium."""
    with opened("gymnasium", spec) as backend:
        first = backend.reset()[0].tolist()
        results = []
        for _ in range(calls):
            obs, rewards, terminated, truncated = backend.step(np.zeros(1, np.int64))
            results.append((obs[0].tolist(), float(rewards[0]), bool(terminated[0]), bool(truncated[0])))
    return first, results


# The table of backends/base.py, read off CountingEnv: obs is [episode, step], reward 100 e + s.


def test_terminated_episode_row_by_row(counting: Callable[..., EnvSpec]) -> None:
    first, found = rows(counting(length=2), 6)
    assert first == [1, 0]
    assert found == [
        ([1, 1], 101, False, False),
        ([1, 2], 102, True, False),  # the true last observation
        ([2, 0], 0, False, False),  # the dummy row: it only resets
        ([2, 1], 201, False, False),
        ([2, 2], 202, True, False),
        ([3, 0], 0, False, False),
    ]


def test_truncated_episode_row_by_row(counting: Callable[..., EnvSpec]) -> None:
    _, found = rows(counting(max_episode_steps=2), 4)
    assert found == [
        ([1, 1], 101, False, False),
        ([1, 2], 102, False, True),
        ([2, 0], 0, False, False),
        ([2, 1], 201, False, False),
    ]


def test_end_that_is_both_counts_as_terminated(counting: Callable[..., EnvSpec]) -> None:
    _, found = rows(counting(length=2, max_episode_steps=2), 3)
    assert found[1:] == [([1, 2], 102, True, False), ([2, 0], 0, False, False)]


def test_episode_of_one_step(counting: Callable[..., EnvSpec]) -> None:
    _, found = rows(counting(length=1), 3)
    assert found == [([1, 1], 101, True, False), ([2, 0], 0, False, False), ([2, 1], 201, True, False)]


def test_lanes_reset_on_their_own(counting: Callable[..., EnvSpec]) -> None:
    spec = counting(length=2, spread=3)
    with opened("gymnasium", spec, lanes=8) as backend:
        backend.reset()
        ends = []
        for _ in range(6):
            _, _, terminated, _ = backend.step(np.zeros(8, np.int64))
            ends.append(terminated.copy())
    first_end = np.argmax(ends, axis=0)
    assert len(set(first_end)) > 1  # they end at different calls,
    for lane, end in enumerate(first_end):  # and none again before its next episode has its length
        assert not np.any([row[lane] for row in ends[end + 1 : 2 * end + 2]])


class ActionEnv(gymnasium.Env[Any, Any]):
    """Observes the last action, as it arrived; three steps an episode."""

    observation_space = gymnasium.spaces.Box(0, 10, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(10)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._step = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert type(action) is int, "environments are written for ints"
        self._step += 1
        return np.array([action], np.float32), 1.0, self._step == 3, False, {}


def test_every_lane_gets_its_own_action(register: Callable[..., str]) -> None:
    with opened("gymnasium", EnvSpec(register(ActionEnv)), lanes=3) as backend:
        backend.reset()
        assert backend.step(np.array([4, 5, 6])).obs[:, 0].tolist() == [4, 5, 6]


def test_action_of_the_dummy_row_is_ignored(register: Callable[..., str]) -> None:
    with opened("gymnasium", EnvSpec(register(ActionEnv))) as backend:
        backend.reset()
        seen = [float(backend.step(np.array([action])).obs[0, 0]) for action in (1, 2, 3, 9, 5)]
    assert seen == [1, 2, 3, 0, 5]


# The same promise, by what can be seen from outside, on real environments and in both backends.


def run(backend: Backend, calls: int, seed: int = 0) -> list[tuple[np.ndarray, ...]]:
    """`calls` random steps: copies of (obs, rewards, terminated, truncated)."""
    generator = np.random.default_rng(seed)
    actions = generator.integers(0, 2, (calls, backend.lanes))
    return [tuple(part.copy() for part in backend.step(row)) for row in actions]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("limit", [12, 500])
def test_cart_pole_protocol(name: str, limit: int) -> None:
    # It terminates when |x| > 2.4 or |angle| > 12 degrees, resets within +-0.05 and pays 1 a step.
    spec = replace(envs.resolve("CartPole-v1"), max_episode_steps=limit)
    with opened(name, spec, lanes=4) as backend:
        first = backend.reset().copy()
        assert np.all(np.abs(first) <= 0.05)
        steps = run(backend, 150)
    dummy, length = np.zeros(4, bool), np.zeros(4, int)
    ends = {"terminated": 0, "truncated": 0}
    for obs, rewards, terminated, truncated in steps:
        assert not np.any(terminated & truncated)
        assert not np.any((terminated | truncated)[dummy])
        assert np.array_equal(rewards, np.where(dummy, 0.0, 1.0))
        assert np.all(np.abs(obs[dummy]) <= 0.05)
        length = np.where(dummy, 0, length + 1)
        fallen = (np.abs(obs[:, 0]) > 2.4) | (np.abs(obs[:, 2]) > np.radians(12))
        # Of a fall in the very step of the limit envpool reports the limit alone.
        hidden = (length == limit) if name == "envpool" else np.zeros(4, bool)
        assert np.array_equal(terminated, fallen & ~hidden)
        assert np.array_equal(truncated, (length == limit) & ~terminated)
        ends["terminated"] += terminated.sum()
        ends["truncated"] += truncated.sum()
        dummy = terminated | truncated
    assert ends["truncated" if limit == 12 else "terminated"] > 10


@pytest.mark.parametrize("name", BACKENDS)
def test_lunar_lander_protocol(name: str) -> None:
    # A reset hands out x near 0, y near 1.4 and no leg on the ground; the limit cuts some episodes.
    spec = replace(envs.resolve("LunarLander-v3"), max_episode_steps=70)
    with opened(name, spec, lanes=4) as backend:
        backend.reset()
        steps = run(backend, 250)
    dummy, length = np.zeros(4, bool), np.zeros(4, int)
    crashes = cuts = 0
    for obs, rewards, terminated, truncated in steps:
        assert not np.any(terminated & truncated)
        assert not np.any(rewards[dummy])
        assert np.all(np.abs(obs[dummy, 0]) < 0.02)
        assert np.all(np.abs(obs[dummy, 1] - 1.4) < 0.1)
        length = np.where(dummy, 0, length + 1)
        assert np.array_equal(truncated, (length == 70) & ~terminated)
        # The last reward of an episode that terminated is -100 here: random actions never land.
        assert np.all(rewards[terminated] == -100)
        # The last observation is the end's own: far below the start, not the next episode's.
        assert np.all(obs[terminated | truncated, 1] < 1.3)
        crashes += terminated.sum()
        cuts += truncated.sum()
        dummy = terminated | truncated
    assert crashes > 0
    assert cuts > 0


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("env_id", ["CartPole-v1", "LunarLander-v3"])
def test_types_and_shapes(name: str, env_id: str) -> None:
    spec = envs.resolve(env_id)
    with opened(name, spec, lanes=3) as backend:
        assert (backend.name, backend.lanes) == (name, 3)
        obs = backend.reset()
        result = backend.step(np.zeros(3, np.int64))
    assert obs.dtype == result.obs.dtype == np.float32
    assert obs.shape == result.obs.shape == (3, {"CartPole-v1": 4, "LunarLander-v3": 8}[env_id])
    assert [part.dtype for part in result[1:]] == [np.float32, bool, bool]
    assert [part.shape for part in result[1:]] == [(3,)] * 3


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("env_id", ["CartPole-v1", "LunarLander-v3"])
def test_same_seed_same_trajectory_with_any_number_of_workers(name: str, env_id: str) -> None:
    spec = envs.resolve(env_id)

    def trajectory(seed: int, workers: int) -> list[np.ndarray]:
        with opened(name, spec, lanes=3, seed=seed, workers=workers) as backend:
            first = backend.reset().copy()
            return [first, *(part for step in run(backend, 120) for part in step)]

    one, again, other = trajectory(11, 1), trajectory(11, 2), trajectory(12, 1)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one[0], other[0])
    # Lanes are different episodes, not copies of one.
    assert not np.array_equal(one[0][0], one[0][1])


@needs_envpool
def test_envpool_has_no_state_to_give() -> None:
    with opened("envpool", envs.resolve("CartPole-v1")) as backend:
        backend.reset()
        assert backend.state() is None
        assert not isinstance(backend, RestorableBackend)


# How many workers a setting means.


@pytest.mark.parametrize(
    ("asked", "lanes", "taken"), [(0, 64, available_cores()), (3, 64, 3), (3, 2, 2), (0, 1, 1), (200, 64, 64)]
)
@pytest.mark.parametrize("name", ["gymnasium", "envpool"])
def test_workers_are_one_a_core_and_never_more_than_lanes(
    name: str, asked: int, lanes: int, taken: int
) -> None:
    assert choose_workers(asked, name, envs.resolve("CartPole-v1"), lanes) == taken


def test_environment_that_only_this_process_has_stays_in_it(register: Callable[..., str]) -> None:
    here, anywhere = register(ActionEnv), register("trainer_environments:WalkingEnv")
    mine = register("__main__:Mine")
    assert [choose_workers(4, "gymnasium", EnvSpec(env_id), 8) for env_id in (here, anywhere, mine)] == [
        1,
        4,
        1,
    ]


# Which backend a name means.


@pytest.fixture
def without_envpool(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> Any:
        return None if name == "envpool" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)


WINDY = EnvSpec("LunarLander-v3", kwargs={"enable_wind": True}, max_episode_steps=1000)
WRAPPED = EnvSpec("LunarLander-v3", wrappers=(WrapperSpec("TimeAwareObservation"),), max_episode_steps=1000)
UNKNOWN = EnvSpec("Mine-v0", max_episode_steps=10)


def chosen(name: str, spec: EnvSpec) -> str:
    # One that is not registered cannot be made here; any spaces will do, since its id decides.
    spaces = check_trainable(envs.resolve("LunarLander-v3") if spec is UNKNOWN else spec)
    return choose_backend(name, spec, *spaces)


@pytest.fixture
def without_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "why_unavailable", lambda: "not compiled")


@needs_envpool
@pytest.mark.usefixtures("without_simulator")
@pytest.mark.parametrize(
    ("asked", "taken"), [("auto", "envpool"), ("envpool", "envpool"), ("gymnasium", "gymnasium")]
)
def test_plain_lunar_lander(asked: str, taken: str) -> None:
    assert chosen(asked, envs.resolve("LunarLander-v3")) == taken


@needs_envpool
@pytest.mark.usefixtures("without_simulator")
@pytest.mark.parametrize("spec", [WINDY, WRAPPED, UNKNOWN], ids=["arguments", "wrappers", "unknown"])
def test_auto_takes_gymnasium_where_envpool_does_not_fit(spec: EnvSpec) -> None:
    assert chosen("auto", spec) == "gymnasium"


@needs_envpool
@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (WINDY, "neither the arguments nor the wrappers"),
        (WRAPPED, "neither the arguments nor the wrappers"),
        (UNKNOWN, "does not have Mine-v0"),
    ],
    ids=["arguments", "wrappers", "unknown"],
)
def test_envpool_that_does_not_fit_is_refused_with_the_way_out(spec: EnvSpec, reason: str) -> None:
    with pytest.raises(UsageError, match=f"{reason}.*--backend gymnasium"):
        chosen("envpool", spec)


@needs_envpool
def test_envpool_is_refused_where_its_environment_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # envpool's is a game of Atari with 84 x 84 pictures.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import envpool
    assert "Pong-v5" in envpool.list_all_envs()
    monkeypatch.setitem(
        gymnasium.registry, "Pong-v5", gymnasium.envs.registration.EnvSpec("Pong-v5", entry_point=ActionEnv)
    )
    spec = EnvSpec("Pong-v5")
    assert chosen("auto", spec) == "gymnasium"
    with pytest.raises(UsageError, match=r"other observations or actions.*--backend gymnasium"):
        chosen("envpool", spec)


@needs_envpool
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Acrobot-v1", "Pendulum-v1"])
def test_envpool_steps_the_same_environment(env_id: str) -> None:
    """From the same state, Gymnasium's environment reaches the same next state and reward."""
    spec = envs.resolve(env_id)
    env = envs.make(spec)
    space, rng = env.action_space, np.random.default_rng(4)
    with opened("envpool", spec) as backend:
        obs, ended = backend.reset()[0].astype(np.float64), False
        for _ in range(250):
            action = rng.uniform(-2, 2, (1, 1)).astype(np.float32) if space.shape else rng.integers(0, 2, 1)
            found = backend.step(action)
            if not ended:
                env.reset(seed=0)
                env.unwrapped.state = state_of(env_id, obs)  # type: ignore[attr-defined]
                there, reward, terminated, _, _ = env.step(action[0] if space.shape else int(action[0]))
                assert np.allclose(found.obs[0], there, atol=1e-5)
                assert found.rewards[0] == pytest.approx(reward, abs=1e-4)
                assert found.terminated[0] == terminated
            obs = found.obs[0].astype(np.float64)
            ended = bool(found.terminated[0] or found.truncated[0])
    env.close()


def state_of(env_id: str, obs: Any) -> Any:
    """The state that Gymnasium's classic environments would have shown as `obs`."""
    if env_id == "CartPole-v1":
        return obs
    angles = [np.arctan2(obs[i + 1], obs[i]) for i in range(0, len(obs) - len(obs) // 3, 2)]
    return np.array([*angles, *obs[2 * len(angles) :]])


@pytest.mark.usefixtures("without_envpool", "without_simulator")
def test_without_envpool_auto_is_gymnasium() -> None:
    assert chosen("auto", envs.resolve("LunarLander-v3")) == "gymnasium"
    assert chosen("gymnasium", envs.resolve("LunarLander-v3")) == "gymnasium"


@pytest.mark.usefixtures("without_envpool")
def test_backend_envpool_without_envpool_says_how_to_install_it() -> None:
    with pytest.raises(MachineLacks, match=r"pip install 'lander-rl\[fast\]'"):
        chosen("envpool", envs.resolve("LunarLander-v3"))
