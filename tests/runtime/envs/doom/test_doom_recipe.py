"""Doom's recipe: what an id alone gives, what may be named, and what its buttons are called."""

import importlib.util
import sys
from typing import Any

import numpy as np
import pytest

from doom_helpers import BASIC, SCENARIOS, SCREEN, WAIT, opened
from lander_runtime import EnvSpec, InputRefused, MachineLacks, UsageError, envs
from lander_runtime.envs.known import knowledge_of
from lander_runtime.json_data.fields import Fields

if importlib.util.find_spec("vizdoom") is None:
    pytest.skip("vizdoom is not installed (the extra `doom`)", allow_module_level=True)

BUTTON_WORDS = {
    "ATTACK": "shoot",
    "MOVE_FORWARD": "forward",
    "MOVE_LEFT": "move left",
    "MOVE_RIGHT": "move right",
    "TURN_LEFT": "turn left",
    "TURN_RIGHT": "turn right",
}


@pytest.mark.parametrize("env_id", SCENARIOS)
def test_an_id_alone_gives_the_recipe_for_training(env_id: str) -> None:
    spec = envs.resolve(env_id)
    assert EnvSpec.from_json(Fields(spec.to_json(), "spec")) == spec
    with opened(spec) as env:
        observation, action = envs.describe_spaces(env)
        assert (observation.shape, observation.dtype) == ((4, 60, 80), "uint8")
        assert (observation.low, observation.high) == (0.0, 255.0)
        assert action.n == 4
        obs, _ = env.reset(seed=1)
        assert env.observation_space.contains(obs)
        assert obs.std() > 5
        assert env.unwrapped.frame_skip == 4  # type: ignore[attr-defined]


def test_what_is_named_takes_the_place_of_the_recipe() -> None:
    spec = envs.resolve(BASIC, {"frame_skip": 2, "screen_format": "GRAY8"}, SCREEN)
    assert spec.kwargs == {"frame_skip": 2, "screen_resolution": "RES_160X120", "screen_format": "GRAY8"}
    with opened(spec) as env:
        assert env.observation_space.shape == (120, 160, 1)


def test_nothing_is_added_to_a_recipe_that_is_there() -> None:
    """A policy file names all that it was trained with; Doom's own frame skip is 1, its picture 320 x 240."""
    with opened(EnvSpec(BASIC, wrappers=SCREEN)) as env:
        assert env.observation_space.shape == (240, 320, 3)
        env.reset(seed=0)
        ended = [any(env.step(WAIT)[2:4]) for _ in range(300)]
    assert ended == [False] * 299 + [True]


@pytest.mark.parametrize("env_id", SCENARIOS)
def test_actions_are_named_by_the_buttons_that_they_press(env_id: str) -> None:
    with opened(EnvSpec(env_id, wrappers=SCREEN)) as env:
        doom: Any = env.unwrapped
        buttons = [BUTTON_WORDS[button.name] for button in doom.game.get_available_buttons()]
        pressed = [[buttons[i] for i in np.flatnonzero(row)] or ["wait"] for row in doom.button_map]
        named = envs.describe_spaces(env)[1].components
    assert [[action.name] for action in named] == pressed


def test_two_buttons_at_once_have_no_names() -> None:
    with opened(envs.resolve(BASIC, {"max_buttons_pressed": 2})) as env:
        action = envs.describe_spaces(env)[1]
    assert (action.n, action.components) == (7, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vizdoom_path", "/bin/true"),
        ("doom_game_path", "/etc/passwd"),
        ("doom_scenario_path", "/etc/passwd"),
        ("doom_config_path", "/tmp/written"),
        ("scenario_config_file", "../../elsewhere.cfg"),
        ("config_file", "elsewhere.cfg"),
        ("game_args", "-record /tmp/written"),
        ("window_visible", True),
        ("mode", "SPECTATOR"),
        ("treat_episode_timeout_as_truncation", False),
        ("nonsense", 1),
        ("living_reward", "3\nvizdoom_path = /bin/true"),
        ("living_reward", float("nan")),
        ("screen_format", "RGB24\nvizdoom_path = /bin/true"),
        ("screen_format", "RGB24\n"),
        ("screen_resolution", "RES_1X1"),
        ("doom_map", "map01;quit"),
        ("doom_map", "map01\n"),
        ("doom_skill", 6),
        ("frame_skip", 0),
        ("frame_skip", -1),
        ("frame_skip", True),
        ("frame_skip", 2.5),
        ("render_hud", 1),
    ],
)
def test_a_recipe_cannot_name_programs_files_or_nonsense(name: str, value: Any) -> None:
    """vizdoom would run the one, write the other, and take a line break for the end of a setting."""
    with pytest.raises(InputRefused, match=name):
        envs.make(EnvSpec(BASIC, {name: value}, SCREEN))
    with pytest.raises(UsageError, match=name):
        envs.resolve(BASIC, {name: value})


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vizdoom.gymnasium_wrapper", None)
    with pytest.raises(MachineLacks, match=r"VizdoomBasic-v1 needs .*'lander-rl\[doom\]'"):
        envs.resolve(BASIC)


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(UsageError, match="VizdoomBasic-v1"):
        envs.resolve("VizdoomBasics-v1")


def test_knowledge_is_about_doom_alone() -> None:
    assert knowledge_of("VizdoomMyWayHome-v1").actions == ()
    with opened(envs.resolve("VizdoomMyWayHome-v1")) as env:
        assert env.observation_space.shape == (4, 60, 80)
