"""`lander train --watch`: episodes of the policy that learns, drawn on the terminal.

A character cell holds two pixels, one above the other: the upper half of a block in the colour of one, on the
colour of the other.
"""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from lander_runtime.errors import LanderError, MachineLacks
from lander_runtime.seeds import FIRST_SELECTION_SEED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lander_trainer import Progress, TrainConfig, UpdateMetrics
    from lander_trainer.observer import Policy

_SEED = FIRST_SELECTION_SEED - 1
"""The last one of training: an episode that is watched is never one that is scored."""

_FRAMES_PER_SECOND = 12.0
_SPEED = 2.0
"""Training waits while an episode is drawn, so it is drawn at twice its own speed."""

_LONGEST_SECONDS = 10.0
_PAUSE_SECONDS = 4.0
"""From the end of one episode to the start of the next, except for the last one of a run."""

_OTHER_LINES = 10
"""On the screen, beside the picture: the figures, the caption, the line of the shell."""

_NARROW, _FOLDED_LINES = 80, 4
"""Columns below which lines are folded, and how many lines more that makes."""


class Watch:
    """A `TrainObserver` that draws an episode after a selection, now and then.

    It does not inherit from it: no module of the command loads the trainer when it is imported.
    """

    def __init__(self, console: Console, say: Callable[[str], None], stop: Callable[[], bool]) -> None:
        """`say` prints a line for the user; `stop` tells whether the user wants the run to end.

        Raises:
            MachineLacks: `console` is no terminal with colours.
        """
        if not console.is_terminal or console.color_system is None or console.no_color:
            raise MachineLacks("--watch draws on a terminal with colours. There is none here: leave it out.")
        self.show: Callable[[RenderableType], None] = console.print
        """Draws in place of what was drawn before."""
        self._console = console
        self._say = say
        self._stop = stop
        self._config: TrainConfig | None = None
        self._done = 0.0
        self._ended = -math.inf

    def on_start(self, config: "TrainConfig", run: Path, progress: "Progress") -> None:
        self._config = config

    def on_collect(self, done: float, seconds: float) -> None:
        """Nothing is drawn before the first selection."""

    def on_selection_start(self, episodes: int) -> None:
        """Nothing is drawn before its end either."""

    def on_update(self, metrics: "UpdateMetrics") -> None:
        self._done = metrics.done

    def on_selection(self, score: float, policy: "Policy") -> None:
        due = time.monotonic() - self._ended >= _PAUSE_SECONDS or self._done >= 1.0
        if self._config is None or not due or self._stop():
            return
        try:
            self._draw_episode(self._config, policy)
        except LanderError as error:
            self._say(f"--watch ends here: {error}")
            self._config = None
        self._ended = time.monotonic()

    def _draw_episode(self, config: "TrainConfig", policy: "Policy") -> None:
        from lander_runtime.episodes.lane import Lane
        from lander_runtime.episodes.moments import moments_of
        from lander_runtime.pictures.record import draw_episode, frames_per_second
        from lander_trainer.plan import resolved

        lane = Lane(resolved(config), "rgb_array")
        try:
            every = max(1, round(frames_per_second(lane) * _SPEED / _FRAMES_PER_SECOND))
            moments = moments_of(lane, lambda obs, generators: policy(obs), _SEED)
            draw_episode(lane, moments, _Screen(self.show, self._console, self._stop), every)
        except _Enough:
            pass
        finally:
            lane.close()


class _Enough(Exception):
    """The episode is longer than people want to wait for, or the run is to end."""


class _Screen:
    """Draws pictures at a steady pace."""

    def __init__(
        self, show: Callable[[RenderableType], None], console: Console, stop: Callable[[], bool]
    ) -> None:
        self._show = show
        self._console = console
        self._stop = stop
        self._started = self._due = time.monotonic()

    def add(self, frame: "NDArray[np.uint8]", caption: str = "", lasting: str = "") -> None:
        """Show `frame`, uint8 `[height, width, 3]`, with `caption` below it, and wait for the next one."""
        if self._stop() or time.monotonic() - self._started > _LONGEST_SECONDS:
            raise _Enough
        others = _OTHER_LINES + (_FOLDED_LINES if self._console.width < _NARROW else 0)
        rows = max(4, self._console.height - others)
        below = Text(caption, style="dim", no_wrap=False, overflow="fold")
        self._show(Group(HalfBlocks(_fitted(frame, self._console.width, rows)), below))
        self._due += 1.0 / _FRAMES_PER_SECOND
        time.sleep(max(0.0, self._due - time.monotonic()))


def _fitted(frame: "NDArray[np.uint8]", columns: int, rows: int) -> "NDArray[np.uint8]":
    """`frame`, uint8 `[height, width, 3]`, in at most `columns` x 2 `rows` pixels; an even number of rows."""
    import numpy as np
    from PIL import Image

    height, width = frame.shape[:2]
    scale = min(columns / width, 2 * rows / height)
    size = max(1, int(width * scale)), max(2, int(height * scale) // 2 * 2)
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))


class HalfBlocks:
    """A picture, uint8 `[2 * rows, columns, 3]`, as characters."""

    def __init__(self, pixels: "NDArray[np.uint8]") -> None:
        self._pixels = pixels

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        for upper, lower in zip(self._pixels[::2].tolist(), self._pixels[1::2].tolist(), strict=True):
            yield from _row(list(zip(map(tuple, upper), map(tuple, lower), strict=True)))
            yield Segment.line()


def _row(cells: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> Iterator[Segment]:
    """One line; neighbours of the same colours are one segment, which is most of a picture."""
    start = 0
    for end in range(1, len(cells) + 1):
        if end == len(cells) or cells[end] != cells[start]:
            above, below = (Color.from_rgb(*colour) for colour in cells[start])
            yield Segment("\N{UPPER HALF BLOCK}" * (end - start), Style(color=above, bgcolor=below))
            start = end
