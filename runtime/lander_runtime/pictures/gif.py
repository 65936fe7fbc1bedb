"""Streams RGB frames into a looping GIF that stores only what changed, in constant memory.

Written here because no library does this: the writers of imageio and Pillow keep all frames until they
close, and imageio's old streaming writer cannot crop under numpy 2 or share a palette.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from lander_runtime.errors import UsageError
from lander_runtime.files import atomic_write
from lander_runtime.pictures.captions import label

# Times are in centiseconds. Browsers play a delay of 0 or 1 as 10.
_SHORTEST_DELAY, _LONGEST_DELAY, _LINGER = 2, 0xFFFF, 100
# Captions change five times a second: faster ones cannot be read, and each change costs about 0.5 kB.
_CAPTION_PERIOD = 20
_TRANSPARENT = 0


class GifWriter:
    """Writes RGB frames, uint8 `[height, width, 3]`, to a GIF that loops for ever; use it in a `with`.

    GIF counts time in centiseconds, so the delay is rounded to whole ones, at least 2 (50, 33, 25, 20
    frames a second and so on). The last frame stays for another second. The file appears at `path` when
    the block ends without an error; otherwise nothing is left behind.

    Raises:
        ValueError: the frame rate is below 1.
        UsageError: the block ended before any frame was added.
    """

    def __init__(self, path: Path, *, frames_per_second: int = 50) -> None:
        """Prepare a recording; nothing is written before the `with` block begins."""
        if frames_per_second < 1:
            raise ValueError(f"expected frames_per_second of at least 1, found {frames_per_second}")
        self._path = path
        self._delay = max(_SHORTEST_DELAY, round(100 / frames_per_second))
        self._frames_per_caption = max(1, round(_CAPTION_PERIOD / self._delay))
        self._frames = 0
        self._caption = ""
        self._scene = self._label = np.empty((0, 0), np.uint8)
        self._file: BinaryIO | None = None
        self._canvas: _Canvas | None = None
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> GifWriter:
        """Open a temporary file beside the final path."""
        temporary = self._resources.enter_context(atomic_write(self._path))
        self._file = self._resources.enter_context(temporary.open("wb"))
        return self

    def add(self, frame: NDArray[np.uint8], caption: str = "", lasting: str = "") -> None:
        """Append one frame, with `caption` in its top left corner.

        The visible caption changes five times a second; the last frame always shows its own. Where one stays
        for several frames, it is `lasting`, unless that is empty: it should be true of all of them.

        Raises:
            ValueError: the frame is not uint8 `[height, width, 3]`, or not of the first frame's shape.
            RuntimeError: called outside the `with` block.
        """
        if self._file is None or self._file.closed:
            raise RuntimeError("expected add() inside `with GifWriter(...) as gif:`, found it outside")
        size = frame.shape[:2] if self._canvas is None else self._scene.shape
        if frame.dtype != np.uint8 or frame.shape != (*size, 3) or frame.size == 0:
            height, width = ("height", "width") if self._canvas is None else size
            raise ValueError(
                f"expected frame {self._frames} as uint8 [{height}, {width}, 3], "
                f"found {frame.dtype} {list(frame.shape)}"
            )
        if self._canvas is None:
            self._canvas = _Canvas(self._file, frame)
        self._scene = self._canvas.indices(frame)
        self._caption = caption
        if self._frames % self._frames_per_caption == 0:
            shown = lasting if lasting and self._frames_per_caption > 1 else caption
            self._label = self._canvas.indices(label(shown, self._scene.shape))
        self._canvas.show(self._scene, self._label, self._delay)
        self._frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish the file and move it to its place, or discard it after an error."""
        if kind is not None:
            self._resources.__exit__(kind, error, traceback)
            return
        with self._resources:
            if self._canvas is None:
                raise UsageError(f"expected frames for {self._path}, found none; call add() inside `with`")
            last = self._canvas.indices(label(self._caption, self._scene.shape))
            self._canvas.show(self._scene, last, _LINGER)
            self._canvas.close()


class _Canvas:
    """The picture that a viewer shows now, in palette indices.

    The newest block is written late, because its duration grows while nothing changes.
    """

    def __init__(self, file: BinaryIO, first_frame: NDArray[np.uint8]) -> None:
        self._file = file
        palette, self._index_of_cell = _palette(first_frame)
        self._shown = np.full(first_frame.shape[:2], _TRANSPARENT, np.uint8)
        self._block = Image.fromarray(self._shown)
        self._block.putpalette(palette.tobytes())
        self._corner, self._duration = (0, 0), 0
        file.writelines(GifImagePlugin.getheader(self._block, info={"loop": 0})[0])

    def indices(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Palette indices `[height, width]` of colours `[height, width, 3]`."""
        return self._index_of_cell[_cells(rgb)]

    def show(self, scene: NDArray[np.uint8], label: NDArray[np.uint8], centiseconds: int) -> None:
        """Show `scene`, with `label` in its top left corner, for `centiseconds`."""
        picture = scene.copy()
        picture[: label.shape[0], : label.shape[1]] = label
        changed = picture != self._shown
        rows = np.flatnonzero(changed.any(axis=1))
        if rows.size:
            columns = np.flatnonzero(changed.any(axis=0))
            self._write_block()
            box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            self._block = Image.fromarray(np.where(changed[box], picture[box], np.uint8(_TRANSPARENT)))
            self._corner = (int(columns[0]), int(rows[0]))
            self._shown = picture
        self._duration += centiseconds

    def close(self) -> None:
        """Write the last block and the end mark."""
        self._write_block()
        self._file.write(b";")

    def _write_block(self) -> None:
        # A duration above the largest delay: write the same block again, which changes nothing visible.
        while self._duration > 0:
            delay = min(self._duration, _LONGEST_DELAY)
            data = GifImagePlugin.getdata(
                self._block, self._corner, duration=delay * 10, transparency=_TRANSPARENT, disposal=1
            )
            self._file.writelines(data)
            # Pillow keeps this list in a temporary class, which lives until the garbage collector runs.
            data.clear()
            self._duration -= delay


def _palette(frame: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One palette `[256, 3]` for the file, and the index of the colour nearest to each cell `[32768]`.

    index 0          transparent: keeps the old pixel
    index 1 to 216   a 6 x 6 x 6 colour cube, for colours that appear later
    index 217 on     the most frequent colours of the first frame, kept exactly (one for each cell)
    """
    shifts = np.array([16, 8, 0], np.uint32)
    colours, counts = np.unique((frame << shifts).sum(axis=2, dtype=np.uint32), return_counts=True)
    commonest = colours[np.argsort(-counts, kind="stable")][: 255 - 6**3]
    common = (commonest[:, np.newaxis] >> shifts).astype(np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[1:217] = np.indices((6, 6, 6)).reshape(3, -1).T * 51
    palette[217 : 217 + len(common)] = common
    centres = np.indices((32, 32, 32)).reshape(3, -1).T.astype(np.float32) * 8 + 4
    opaque = palette[1:].astype(np.float32)
    # |centre - colour|^2 less |centre|^2: integers below 2^24, so float32 is exact on every machine.
    distance = (opaque**2).sum(axis=1) - 2 * centres @ opaque.T
    index_of_cell = (distance.argmin(axis=1) + 1).astype(np.uint8)
    # Backwards, so that the more frequent of two colours in one cell is written last and stays.
    index_of_cell[_cells(common)[::-1]] = np.arange(217, 217 + len(common), dtype=np.uint8)[::-1]
    return palette, index_of_cell


def _cells(rgb: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The cell of every colour `[..., 3]`: 5 bits for each channel, 32768 cells in all."""
    coarse = rgb.astype(np.uint16) >> np.uint16(3)
    return coarse[..., 0] << np.uint16(10) | coarse[..., 1] << np.uint16(5) | coarse[..., 2]
