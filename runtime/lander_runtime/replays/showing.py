"""Draws replays into files and a window in one pass, at a chosen size and speed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.episode import Episode
from lander_runtime.episodes.lane import Lane
from lander_runtime.episodes.moments import Moment
from lander_runtime.pictures.record import draw_episode, frames_per_second
from lander_runtime.pictures.scaling import Size
from lander_runtime.pictures.targets import Pictures, Several, open_files

OWN_SIZE = Size()

FASTEST = 50.0
"""Pictures a second: the shortest delay of a GIF. A faster replay leaves out pictures."""


@dataclass(frozen=True)
class Pace:
    """Which steps are drawn, and at what frame rate."""

    every: int
    """Draw one of so many steps."""
    frames_per_second: float

    @classmethod
    def of(cls, lane: Lane, speed: float = 1.0) -> "Pace":
        """For the lane's environment at `speed` times its own speed."""
        wanted = frames_per_second(lane) * speed
        every = max(1, int(np.ceil(wanted / FASTEST)))
        return cls(every, wanted / every)


@dataclass(frozen=True)
class Showing:
    """Where to draw an episode."""

    pace: Pace
    size: Size = OWN_SIZE
    gif: Path | None = None
    mp4: Path | None = None
    window: Pictures | None = None
    """An open window, which stays open."""

    def show(self, lane: Lane, moments: Iterator[Moment]) -> Episode:
        """Draw the episode; files appear after its end, and not at all if `moments` raises.

        Raises:
            UsageError: the environment draws no pictures.
            MachineLacks: no ffmpeg.
        """
        fps = self.pace.frames_per_second
        with contextlib.ExitStack() as stack:
            targets: list[Pictures] = [] if self.window is None else [self.window]
            targets += open_files([path for path in (self.gif, self.mp4) if path is not None], fps, stack)
            return draw_episode(lane, moments, _Fitted(self.size, Several(targets)), self.pace.every)


class _Fitted:
    """Resizes every picture."""

    def __init__(self, size: Size, target: Pictures) -> None:
        self._size = size
        self._target = target

    def add(self, frame: NDArray[np.uint8], caption: str = "", lasting: str = "") -> None:
        self._target.add(self._size.fit(frame), caption, lasting)
