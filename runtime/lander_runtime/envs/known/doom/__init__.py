"""Doom, from the package `vizdoom`: its recipe, the arguments that are allowed, names and outcomes.

engine.py    the wrapper of every Doom environment: where its engine runs, and how its episodes end
watchdog.py  a process that ends the engines of a killed process

Source: vizdoom/gymnasium_wrapper and vizdoom/scenarios/*.cfg of vizdoom 1.3.
"""

import re
from typing import Any

from lander_runtime.envs.known.family import Argument, Family
from lander_runtime.envs.known.knowledge import Knowledge
from lander_runtime.spec import Component, WrapperSpec


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e6


def _whole(low: int, high: int) -> Argument:
    return Argument(
        f"a whole number from {low} to {high}",
        lambda value: type(value) is int and low <= value <= high,
    )


def _text(wanted: str, pattern: str) -> Argument:
    # The whole text must match: a line break would start a new line in the engine's configuration file.
    return Argument(wanted, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


_NUMBER = Argument("a number", _is_number)
_FLAG = Argument("true or false", lambda value: isinstance(value, bool))

_SIZES = ("160X120", "200X150", "256X192", "320X240", "400X300", "512X384", "640X480")

_ARGUMENTS = {
    "frame_skip": _whole(1, 100),
    "max_buttons_pressed": _whole(1, 20),
    "screen_resolution": _text(f"RES_ and one of {', '.join(_SIZES)}", f"RES_({'|'.join(_SIZES)})"),
    "screen_format": _text("RGB24 or GRAY8", "RGB24|GRAY8"),
    "doom_skill": _whole(1, 5),
    "doom_map": _text("a map's name, such as map01", "[A-Za-z0-9_]{1,8}"),
    "episode_start_time": _whole(1, 100_000),
    "episode_timeout": _whole(0, 1_000_000),
    **dict.fromkeys(
        (
            "render_corpses",
            "render_crosshair",
            "render_decals",
            "render_effects_sprites",
            "render_hud",
            "render_messages",
            "render_minimal_hud",
            "render_particles",
            "render_screen_flashes",
            "render_weapon",
        ),
        _FLAG,
    ),
    **dict.fromkeys(
        (
            "armor_reward",
            "damage_made_reward",
            "damage_taken_penalty",
            "death_penalty",
            "frag_reward",
            "health_reward",
            "hit_reward",
            "hit_taken_penalty",
            "item_reward",
            "kill_reward",
            "living_reward",
            "map_exit_reward",
            "secret_reward",
        ),
        _NUMBER,
    ),
}

FAMILY = Family(
    prefix="Vizdoom",
    module="vizdoom.gymnasium_wrapper",
    extra="doom",
    distribution="vizdoom",
    arguments=_ARGUMENTS,
    # vizdoom's own frame skip is 1, which means 35 actions a second. 160 x 120 is the engine's smallest
    # picture. It is in colour for recordings; the policy's observations are made from the same picture.
    kwargs={"frame_skip": 4, "screen_resolution": "RES_160X120", "screen_format": "RGB24"},
    wrappers=(
        WrapperSpec("DictItemObservation", {"key": "screen"}),
        WrapperSpec("ShrinkObservation", {"factor": 2, "grayscale": True}),
        WrapperSpec("FrameStackObservation", {"stack_size": 4}),
    ),
    adapter="lander_runtime.envs.known.doom.engine:DoomEnvironment",
    engines=True,
)
"""Observations are uint8 `[4, 60, 80]`: four grey pictures, the newest last, 4/35 of a second apart."""


def _basic_outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    # The episode terminates when the monster is hit: +101, less the costs of the last tics and the shot.
    return "monster killed" if terminated else "timed out"


def _mortal_outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    return "died" if terminated else "survived"


def _actions(*buttons: str) -> tuple[Component, ...]:
    """One button at a time: no button first, then those of the configuration file in reverse order."""
    return (Component("wait"), *(Component(button) for button in reversed(buttons)))


KNOWN = {
    "VizdoomBasic-v1": Knowledge(
        actions=_actions("move left", "move right", "shoot"), outcome=_basic_outcome
    ),
    "VizdoomDefendCenter-v1": Knowledge(
        actions=_actions("turn left", "turn right", "shoot"), outcome=_mortal_outcome
    ),
    "VizdoomHealthGatheringSupreme-v1": Knowledge(
        actions=_actions("turn left", "turn right", "forward"), outcome=_mortal_outcome
    ),
}
