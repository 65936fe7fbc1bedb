"""Environments that declare one type of observation and return another."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from lander_runtime import envs, evaluate
from lander_runtime.episodes.episode import Keep
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.episodes.lane import Lane

Register = Callable[..., str]
THIRDS = [1 / 3, -2 / 3]


class Loose(gymnasium.Env[Any, Any]):
    """Two numbers, three steps. `first` and `later` convert what `reset` and `step` return."""

    observation_space: gymnasium.spaces.Space[Any] = gymnasium.spaces.Box(-9, 9, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    first: Any = staticmethod(np.array)
    later: Any = staticmethod(np.array)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self._left = 3
        return type(self).first(THIRDS), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        return type(self).later(THIRDS), 1.0, self._left == 0, False, {}


def single(values: list[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("first", "later"),
    [(np.array, np.array), (list, list), (tuple, single), (single, np.array), (single, list)],
    ids=["float64", "lists", "a tuple first", "float64 later", "lists later"],
)
def test_observations_have_the_declared_type(register: Register, first: Any, later: Any) -> None:
    kind = type("Own", (Loose,), {"first": staticmethod(first), "later": staticmethod(later)})
    seen: list[NDArray[Any]] = []

    def act(obs: NDArray[Any], generators: Any) -> NDArray[Any]:
        seen.append(obs)
        return np.zeros(len(obs), np.int64)

    [episode] = run_episodes(act, envs.resolve(register(kind)), [0], keep=Keep(observations=True))
    assert [obs.dtype for obs in seen] == [np.float32] * 3
    assert np.array_equal(np.concatenate(seen), [single(THIRDS)] * 3)
    assert episode.trajectory is not None
    assert np.array_equal(episode.trajectory.observations, [single(THIRDS)] * 4)


def test_float64_that_is_declared_stays(register: Register) -> None:
    """Files that were made for such an environment say float64."""
    space = gymnasium.spaces.Box(-9, 9, (2,), np.float64)
    lane = Lane(envs.resolve(register(type("Own", (Loose,), {"observation_space": space}))))
    lane.start((0, 0))
    assert lane.obs.tolist() == THIRDS


def test_an_array_that_is_right_is_not_copied(register: Register) -> None:
    shown = single(THIRDS)
    kind = type("Own", (Loose,), {"first": lambda _: shown, "later": lambda _: shown})
    lane = Lane(envs.resolve(register(kind)))
    lane.start((0, 0))
    assert lane.obs is shown
    lane.step(0)
    assert lane.obs is shown


def test_what_is_not_finite_or_too_large_stays_visible(register: Register) -> None:
    """Casting must not hide it, and NumPy's warning about it would be an error here."""
    kind = type("Own", (Loose,), {"first": lambda _: [np.nan, 1e300]})
    lane = Lane(envs.resolve(register(kind)))
    lane.start((0, 0))
    assert np.isnan(lane.obs[0])
    assert lane.obs[1] == np.inf


def test_other_spaces_are_left_alone(register: Register) -> None:
    """A function may take what no policy file can."""
    space = gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)})
    parts = {
        "observation_space": space,
        "first": staticmethod(lambda _: {"a": 1}),
        "later": staticmethod(lambda _: {"a": 0}),
    }
    env_id = register(type("Own", (Loose,), parts))
    report = evaluate(lambda obs: np.array([one["a"] for one in obs]), env_id, episodes=2)
    assert report.summary.mean_return == 3.0
