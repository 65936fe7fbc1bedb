"""What pictures are drawn into: files, by their suffix, and several things at once."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.pictures.gif import GifWriter
from lander_runtime.pictures.video import Mp4Writer


class Pictures(Protocol):
    """A target for frames: a file or a window."""

    def add(self, frame: NDArray[np.uint8], caption: str = "", lasting: str = "") -> None:
        """Append `frame`, uint8 `[height, width, 3]`, with `caption`.

        A target that leaves a caption for several frames shows `lasting` instead, which stays true of them.
        """
        ...


class Several:
    """Passes every picture to several targets."""

    def __init__(self, targets: Sequence[Pictures]) -> None:
        self._targets = targets

    def add(self, frame: NDArray[np.uint8], caption: str = "", lasting: str = "") -> None:
        for target in self._targets:
            target.add(frame, caption, lasting)


def open_files(paths: Iterable[Path], frames_per_second: float, closing: ExitStack) -> list[Pictures]:
    """A writer for each of `paths`: an MP4 where the name ends in .mp4, else a GIF; `closing` completes them.

    Raises:
        MachineLacks: no ffmpeg, for an MP4.
    """
    opened: list[Pictures] = []
    for path in paths:
        if path.suffix.lower() == ".mp4":
            opened.append(closing.enter_context(Mp4Writer(path, frames_per_second=frames_per_second)))
        else:
            whole = max(1, round(frames_per_second))
            opened.append(closing.enter_context(GifWriter(path, frames_per_second=whole)))
    return opened
