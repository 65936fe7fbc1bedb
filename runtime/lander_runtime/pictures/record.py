"""Records one episode as a GIF or MP4 with a caption on every frame."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lander_runtime.envs import describe_spaces, recipe_of
from lander_runtime.episodes.episode import Episode
from lander_runtime.episodes.fleet import Actor
from lander_runtime.episodes.lane import Lane
from lander_runtime.episodes.moments import Moment, moments_of
from lander_runtime.errors import UsageError
from lander_runtime.pictures.targets import Pictures, Several, open_files
from lander_runtime.spec import EnvSpec
from lander_runtime.text import shortened

_LETTERS = 40
"""Of an action's name in a caption."""


def record_episode(actor: Actor, env: EnvSpec | str, seed: int, *paths: Path) -> Episode:
    """Run the episode of `seed` once and write it to each of `paths`, at the environment's frame rate.

    The episode is the same as in an evaluation with this seed: same actor, environment and generator. A
    file appears only when it is complete.

    Args:
        actor: from `lander_runtime.episodes.actors.actor_of`.
        env: the environment, or its id.
        seed: of the episode.
        paths: where to write: an MP4 where the name ends in .mp4, else a GIF.

    Returns:
        The episode, with index 0.

    Raises:
        UsageError: Gymnasium does not know the environment, or it draws no pictures.
        MachineLacks: no ffmpeg, for an MP4.
    """
    lane = Lane(recipe_of(env), "rgb_array")
    try:
        moments = moments_of(lane, actor, seed)
        with contextlib.ExitStack() as closing:
            files = open_files(paths, frames_per_second(lane), closing)
            return draw_episode(lane, moments, Several(files))
    finally:
        lane.close()


def draw_episode(lane: Lane, moments: Iterator[Moment], pictures: Pictures, every: int = 1) -> Episode:
    """Draw an episode while it runs, with step, return and action as a caption; returns the episode.

    Args:
        lane: made with the render mode `rgb_array`; `moments` step it.
        moments: from `moments_of`, or from a replay.
        pictures: the target of the frames.
        every: draw one of so many steps; the first and the last moment are always drawn.

    Raises:
        UsageError: the environment draws no pictures.
    """
    names = _action_names(lane.env)
    for moment in moments:
        # Rendered also if it is left out: some decoration, such as the lander's sparks, ages by rendering.
        frame = _frame(lane)
        if lane.length % every and moment.episode is None:
            continue
        caption, lasting = "step 0", "at step 0"
        if moment.action is not None:
            caption = f"step {lane.length}   return {lane.total:+.1f}   {_describe(moment.action, names)}"
            # No action: the next frame may show another one.
            lasting = f"at step {lane.length}:   return {lane.total:+.1f}"
        if moment.episode is not None:
            pictures.add(frame, f"{caption}   {moment.episode.outcome}", lasting)
            return moment.episode
        pictures.add(frame, caption, lasting)
    raise AssertionError("an iterator of moments ends with the episode, or raises")


def _action_names(env: gymnasium.Env[Any, Any]) -> list[str]:
    """The names that are known here, else those that the environment has, as Atari's have; may be empty."""
    action = describe_spaces(env)[1]
    if action.components or action.n is None:
        return [component.name for component in action.components]
    meanings = getattr(env.unwrapped, "get_action_meanings", None)
    names = meanings() if callable(meanings) else None
    if not isinstance(names, list) or len(names) != action.n:
        return []
    return [shortened(str(name).lower(), _LETTERS) for name in names]


def frames_per_second(lane: Lane) -> float:
    """The frame rate of the lane's environment; 50 if it has none."""
    return float(lane.env.metadata.get("render_fps") or 50)


def first_frame(env: EnvSpec | str, seed: int) -> NDArray[np.uint8]:
    """The picture after the reset with `seed`, uint8 `[height, width, 3]`.

    Raises:
        UsageError: as `record_episode` does.
    """
    spec = recipe_of(env)
    lane = Lane(spec, "rgb_array")
    try:
        lane.start((0, seed))
        return _frame(lane)
    finally:
        lane.close()


def _frame(lane: Lane) -> NDArray[np.uint8]:
    with _without_a_screen():
        frame = lane.render()
    if not isinstance(frame, np.ndarray):
        raise UsageError(
            f"{lane.spec.id} cannot be drawn: expected an array from render(), found {type(frame).__name__}."
        )
    return frame


@contextlib.contextmanager
def _without_a_screen() -> Iterator[None]:
    """Make pygame use SDL's dummy driver for one frame, unless the user has chosen a driver.

    Some environments start a display even for a picture in memory, and without a desktop SDL complains on
    stderr. Only for one frame, so that a window can still be opened later.
    """
    if "SDL_VIDEODRIVER" in os.environ:
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        del os.environ["SDL_VIDEODRIVER"]


def _describe(action: Any, names: list[str]) -> str:
    """The action in words: its name if it has one, else its number or its first four components."""
    if getattr(action, "ndim", 0) == 0:
        return names[int(action)] if names else f"action {int(action)}"
    values = [f"{value:+.2f}" for value in action.ravel()[:4]]
    return "  ".join(f"{name} {value}" for name, value in zip(names, values, strict=False)) or " ".join(
        values
    )
