"""Draws the episodes of a replay one after the other, at one pace and in one window."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lander_runtime.episodes.episode import Episode
    from lander_runtime.episodes.lane import Lane
    from lander_runtime.episodes.moments import Moment
    from lander_runtime.pictures.scaling import Size
    from lander_runtime.pictures.window import Window
    from lander_runtime.replays.showing import Pace

    Show = Callable[[Iterator[Moment]], Episode]


@dataclass(frozen=True)
class Files:
    """The files that episodes are drawn into."""

    gif: Path | None
    mp4: Path | None
    several: bool
    """Whether the seed goes into the names."""

    def of(self, seed: int) -> tuple[Path | None, Path | None]:
        """The GIF and the MP4 of one episode."""
        return self._named(self.gif, seed), self._named(self.mp4, seed)

    def _named(self, file: Path | None, seed: int) -> Path | None:
        return file.with_name(f"{file.stem}-{seed}{file.suffix}") if file and self.several else file


class Artist:
    """Draws into files, and into `window` if it is given; the window stays open."""

    def __init__(
        self, lane: "Lane", pace: "Pace", files: Files, size: "Size", window: "Window | None"
    ) -> None:
        self._lane = lane
        self._pace = pace
        self._files = files
        self._size = size
        self._window = window

    def of(self, seed: int) -> "tuple[Show, list[Path]]":
        """The function that draws the episode of `seed`, and the files that it writes."""
        from lander_runtime.replays.showing import Showing

        gif, mp4 = self._files.of(seed)
        showing = Showing(self._pace, self._size, gif, mp4, self._window)
        paths = [path for path in (gif, mp4) if path is not None]
        return lambda moments: showing.show(self._lane, moments), paths
