"""Recording: the same episode as in an evaluation, one frame for each step, and no file after an error."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from PIL import Image, ImageSequence

from lander_runtime import EnvSpec, LanderError, Policy, UsageError
from lander_runtime.episodes.actors import actor_of
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.pictures.record import _action_names, record_episode


def durations_and_pictures(path: Path) -> tuple[list[int], list[Any]]:
    """Milliseconds and RGB pictures as a viewer shows them."""
    with Image.open(path) as image:
        frames = [
            (frame.info["duration"], np.asarray(frame.convert("RGB")))
            for frame in ImageSequence.Iterator(image)
        ]
    return [duration for duration, _ in frames], [picture for _, picture in frames]


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("seed", [3, 8])
def test_every_step_has_its_frame(
    tmp_path: Path, discrete: Policy, drifting: EnvSpec, seed: int, sampled: bool
) -> None:
    """The double's white row moves down by one with each step, and it asks for 25 frames a second."""
    actor = actor_of(discrete, sampled=sampled)
    episode = record_episode(actor, drifting, seed, tmp_path / "episode.gif")
    assert [episode] == run_episodes(actor, drifting, [seed])
    durations, pictures = durations_and_pictures(tmp_path / "episode.gif")
    rows = [int(np.flatnonzero((picture[30:] == 255).all(axis=(1, 2)))[0]) for picture in pictures]
    assert sorted(set(rows)) == list(range(episode.length + 1)), "the start and one for each step"
    assert rows == sorted(rows)
    assert sum(durations) == 40 * (episode.length + 1) + 1000


def test_a_continuous_episode(tmp_path: Path, continuous: Policy, drifting_continuous: EnvSpec) -> None:
    actor = actor_of(continuous)
    episode = record_episode(actor, drifting_continuous, 5, tmp_path / "episode.gif")
    assert [episode] == run_episodes(actor, drifting_continuous, [5])


class Named(gymnasium.Env[Any, Any]):
    """Names its actions itself, as Atari's environments do."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,))
    action_space = gymnasium.spaces.Discrete(2)

    def get_action_meanings(self) -> list[str]:
        return ["NOOP", "FIRE"]


def test_actions_have_the_names_that_the_environment_gives_them() -> None:
    assert _action_names(Named()) == ["noop", "fire"]
    other = Named()
    other.action_space = gymnasium.spaces.Discrete(3)
    assert _action_names(other) == []
    assert _action_names(gymnasium.make("MountainCar-v0")) == ["push left", "coast", "push right"]


def test_an_episode_of_the_lander(tmp_path: Path, discrete: Policy) -> None:
    spec = EnvSpec("LunarLander-v3", max_episode_steps=25)
    actor = actor_of(discrete)
    episode = record_episode(actor, spec, 1_000_000, tmp_path / "episode.gif")
    assert [episode] == run_episodes(actor, spec, [1_000_000])
    assert (episode.length, episode.outcome) == (25, "timed out")
    durations, pictures = durations_and_pictures(tmp_path / "episode.gif")
    assert pictures[0].shape == (400, 600, 3)
    assert sum(durations) == 20 * 26 + 1000
    assert list(tmp_path.iterdir()) == [tmp_path / "episode.gif"]


def test_an_id_will_do_for_an_environment(tmp_path: Path, discrete: Policy) -> None:
    actor = actor_of(discrete)
    by_id, by_recipe = (
        record_episode(actor, env, 1_000_000, tmp_path / "episode.gif")
        for env in ("LunarLander-v3", discrete.info.env)
    )
    assert by_id == by_recipe
    with pytest.raises(UsageError, match="LunarLander-v3"):
        record_episode(actor, "LunarLandr-v3", 0, tmp_path / "episode.gif")


def test_a_throttle_has_a_name_in_the_caption(tmp_path: Path, continuous: Policy) -> None:
    spec = EnvSpec("LunarLanderContinuous-v3", max_episode_steps=2)
    assert record_episode(actor_of(continuous), spec, 0, tmp_path / "episode.gif").length == 2


@pytest.mark.parametrize("where", ["reset", "step", "render", "actor"])
def test_an_error_on_the_way_leaves_nothing(
    tmp_path: Path, register: Callable[..., str], drifting_class: type[Any], discrete: Policy, where: str
) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise ZeroDivisionError

    class Failing(drifting_class):  # type: ignore[misc, valid-type]
        closed = False

        def close(self) -> None:
            type(self).closed = True

    if where != "actor":
        setattr(Failing, where, fail)
    actor = fail if where == "actor" else actor_of(discrete)
    with pytest.raises((ZeroDivisionError, LanderError)):
        record_episode(actor, EnvSpec(register(Failing)), 0, tmp_path / "episode.gif")
    assert list(tmp_path.iterdir()) == []
    assert Failing.closed


def test_an_error_leaves_the_old_recording(tmp_path: Path, drifting: EnvSpec) -> None:
    (tmp_path / "episode.gif").write_bytes(b"old")
    steps = [2, 1, 0]
    with pytest.raises(IndexError):
        record_episode(lambda obs, generators: [steps.pop()], drifting, 3, tmp_path / "episode.gif")
    assert (tmp_path / "episode.gif").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


RECORD_CARTPOLE = """if True:
    import os, sys
    from pathlib import Path
    import numpy, pygame
    from lander_runtime.pictures.record import record_episode
    drivers = []
    class Watching:
        def __call__(self, obs, generators):
            drivers.append((pygame.display.get_driver(), os.environ.get("SDL_VIDEODRIVER")))
            return numpy.zeros(len(obs), numpy.int64)
    record_episode(Watching(), "CartPole-v1", 0, Path(sys.argv[1]))
    assert not pygame.display.get_init()
    print(*{str(pair) for pair in drivers}, os.environ.get("SDL_VIDEODRIVER"), sep="|")
"""
"""CartPole always starts a display. Prints its driver, and the environment variable meanwhile."""


@pytest.mark.parametrize(
    ("named", "expected"),
    [(None, "('dummy', None)|None"), ("offscreen", "('offscreen', 'offscreen')|offscreen")],
)
def test_no_screen_is_asked_for_and_none_is_denied_to_others(
    tmp_path: Path, named: str | None, expected: str
) -> None:
    """In a process of its own, without a desktop: SDL writes to stderr below Python, and only once."""
    desktop = ("SDL_VIDEODRIVER", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY")
    clean = {name: value for name, value in os.environ.items() if name not in desktop}
    if named is not None:
        clean["SDL_VIDEODRIVER"] = named
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RECORD_CARTPOLE, tmp_path / "cart.gif"],
        env={**clean, "PYGAME_HIDE_SUPPORT_PROMPT": "1"}
        | ({} if named is None else {"SDL_VIDEODRIVER": named}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == expected
    assert named is not None or child.stderr == ""


def test_an_environment_without_pictures_is_refused(
    tmp_path: Path, register: Callable[..., str], drifting_class: type[Any], discrete: Policy
) -> None:
    class Blind(drifting_class):  # type: ignore[misc, valid-type]
        def render(self) -> Any:
            return None

    with pytest.raises(LanderError, match=r"Blind0-v0"):
        record_episode(actor_of(discrete), EnvSpec(register(Blind)), 0, tmp_path / "episode.gif")
    assert list(tmp_path.iterdir()) == []
