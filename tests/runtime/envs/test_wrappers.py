"""Our own wrappers: numbers worked out by hand, and what they refuse."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from lander_runtime import EnvSpec, InputRefused, envs
from lander_runtime.spec import WrapperSpec

PICTURE = spaces.Box(0, 255, (2, 4), np.uint8)


class StillEnv(gymnasium.Env[Any, Any]):
    """Shows the same thing for ever."""

    observation_space: spaces.Space[Any] = PICTURE
    action_space = spaces.Discrete(2)
    shown: Any = np.array([[0, 1, 255, 255], [0, 1, 254, 254]], np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        return self.shown, {}

    def step(self, action: Any) -> Any:
        return self.shown, 0.0, False, False, {}


Wrapped = Callable[..., gymnasium.Env[Any, Any]]


@pytest.fixture
def wrapped(register: Callable[..., str]) -> Wrapped:
    """(wrapper, its arguments, attributes of the environment) -> the environment in the wrapper."""

    def build(name: str, kwargs: dict[str, Any], **attributes: Any) -> gymnasium.Env[Any, Any]:
        env_id = register(type("StillEnv", (StillEnv,), attributes))
        return envs.make(EnvSpec(env_id, wrappers=(WrapperSpec(name, kwargs),)))

    return build


def test_shrinking_takes_the_mean_and_rounds_halves_up(wrapped: Wrapped) -> None:
    """(0 + 1 + 0 + 1) / 4 is 0.5, (255 + 255 + 254 + 254) / 4 is 254.5: sums that 8 bits cannot hold."""
    env = wrapped("ShrinkObservation", {"factor": 2})
    obs, _ = env.reset(seed=0)
    assert obs.tolist() == [[1, 255]]
    assert env.observation_space == spaces.Box(0, 255, (1, 2), np.uint8)
    assert env.observation_space.contains(obs)
    assert env.step(0)[0].tolist() == [[1, 255]]


def test_shrinking_keeps_colours_apart(wrapped: Wrapped) -> None:
    colours = np.array([[[0, 10, 100], [4, 30, 200]], [[4, 20, 200], [8, 20, 100]]], np.uint8)
    space = spaces.Box(0, 255, (2, 2, 3), np.uint8)
    env = wrapped("ShrinkObservation", {"factor": 2}, observation_space=space, shown=colours)
    assert env.reset(seed=0)[0].tolist() == [[[4, 20, 150]]]


@pytest.mark.parametrize(("channel", "left"), [(0, 4), (1, 20), (2, 150)])
def test_one_channel_is_picked(wrapped: Wrapped, channel: int, left: int) -> None:
    colours = np.array([[[0, 10, 100], [4, 30, 200]], [[4, 20, 200], [8, 20, 100]]], np.uint8)
    space = spaces.Box(0, 255, (2, 2, 3), np.uint8)
    kwargs = {"factor": 2, "channel": channel}
    env = wrapped("ShrinkObservation", kwargs, observation_space=space, shown=colours)
    assert env.observation_space == spaces.Box(0, 255, (1, 1), np.uint8)
    assert env.reset(seed=0)[0].tolist() == [[left]]


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4)], ids=str)
@pytest.mark.parametrize("channel", [3, -1, True, "red", 1.0])
def test_a_channel_that_is_not_there_is_refused(
    wrapped: Wrapped, shape: tuple[int, ...], channel: Any
) -> None:
    space = spaces.Box(0, 255, shape, np.uint8)
    with pytest.raises(InputRefused, match=r"channel .* is not one of those"):
        wrapped("ShrinkObservation", {"factor": 2, "channel": channel}, observation_space=space)


def test_grey_and_one_channel_exclude_each_other(wrapped: Wrapped) -> None:
    space = spaces.Box(0, 255, (2, 4, 3), np.uint8)
    with pytest.raises(InputRefused, match="expected grayscale or a channel, found both"):
        wrapped("ShrinkObservation", {"factor": 2, "grayscale": True, "channel": 0}, observation_space=space)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_grey_is_the_luminance_of_a_block_to_the_last_digit(wrapped: Wrapped, factor: int) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (6, 12, 3), np.uint8)
    space = spaces.Box(0, 255, colours.shape, np.uint8)
    kwargs = {"factor": factor, "grayscale": True}
    env = wrapped("ShrinkObservation", kwargs, observation_space=space, shown=colours)
    obs, _ = env.reset(seed=0)
    for row, column in np.ndindex(*obs.shape):
        block = colours[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
        total = sum(77 * int(r) + 150 * int(g) + 29 * int(b) for r, g, b in block.reshape(-1, 3))
        exact = total / (256 * factor * factor)
        assert int(obs[row, column]) == int(exact + 0.5)
    assert env.observation_space.contains(obs)


@pytest.mark.parametrize(("brighter", "mean"), [((2, 190, 5), 254), ((0, 192, 0), 255)])
def test_a_hair_under_a_half_is_rounded_down(
    wrapped: Wrapped, brighter: tuple[int, int, int], mean: int
) -> None:
    """Of 225 pixels so many are 255 and not 254 in red, green and blue: 28,799 and 28,800 of 57,600ths."""
    colours = np.full((225, 3), 254, np.uint8)
    for channel, count in enumerate(brighter):
        colours[:count, channel] = 255
    colours = colours.reshape(15, 15, 3)
    space = spaces.Box(0, 255, colours.shape, np.uint8)
    kwargs = {"factor": 15, "grayscale": True}
    env = wrapped("ShrinkObservation", kwargs, observation_space=space, shown=colours)
    assert env.reset(seed=0)[0].tolist() == [[mean]]


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 4), (2, 4, 1)], ids=str)
def test_grey_is_made_of_three_colours_only(wrapped: Wrapped, shape: tuple[int, ...]) -> None:
    space = spaces.Box(0, 255, shape, np.uint8)
    with pytest.raises(InputRefused, match="red, green and blue"):
        wrapped("ShrinkObservation", {"factor": 2, "grayscale": True}, observation_space=space)


@pytest.mark.parametrize("colours", [False, True])
def test_the_largest_block_of_the_brightest_picture_is_as_bright(wrapped: Wrapped, colours: bool) -> None:
    shape = (16, 32, 3) if colours else (16, 32)
    space, white = spaces.Box(0, 255, shape, np.uint8), np.full(shape, 255, np.uint8)
    kwargs = {"factor": 16, "grayscale": colours}
    env = wrapped("ShrinkObservation", kwargs, observation_space=space, shown=white)
    assert env.reset(seed=0)[0].tolist() == [[255, 255]]


@pytest.mark.parametrize(
    ("factor", "space"),
    [
        (0, PICTURE),
        (17, PICTURE),
        (True, PICTURE),
        ("2", PICTURE),
        (2.0, PICTURE),
        (4, PICTURE),
        (2, spaces.Box(0, 255, (8,), np.uint8)),
        (2, spaces.Box(0, 1, (2, 4), np.float32)),
        (2, spaces.Dict({"screen": PICTURE})),
    ],
    ids=repr,
)
def test_what_cannot_be_shrunk_is_refused(wrapped: Wrapped, factor: Any, space: Any) -> None:
    with pytest.raises(InputRefused, match="ShrinkObservation cannot be applied"):
        wrapped("ShrinkObservation", {"factor": factor}, observation_space=space)


def test_one_entry_is_taken_out_of_many(wrapped: Wrapped) -> None:
    both = spaces.Dict({"screen": PICTURE, "health": spaces.Box(0, 100, (1,))})
    shown = {"screen": StillEnv.shown, "health": np.array([70.0], np.float32)}
    env = wrapped("DictItemObservation", {"key": "health"}, observation_space=both, shown=shown)
    assert env.observation_space == both["health"]
    assert env.reset(seed=0)[0].tolist() == [70.0]


@pytest.mark.parametrize("key", ["map", "", 3, None])
def test_an_entry_that_is_not_there_is_refused_with_those_that_are(wrapped: Wrapped, key: Any) -> None:
    both = spaces.Dict({"screen": PICTURE, "health": spaces.Box(0, 100, (1,))})
    with pytest.raises(
        InputRefused, match=r"DictItemObservation .* they have (health, screen|screen, health)"
    ):
        wrapped("DictItemObservation", {"key": key}, observation_space=both)


def test_a_picture_has_no_entries(wrapped: Wrapped) -> None:
    with pytest.raises(InputRefused, match="are a Box, not a Dict"):
        wrapped("DictItemObservation", {"key": "screen"})
