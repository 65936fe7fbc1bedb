"""Streams RGB frames into an MP4 that browsers can play, with the ffmpeg of imageio-ffmpeg."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.files import atomic_write
from lander_runtime.pictures.captions import stamped
from lander_runtime.text import first_line

_CAPTIONS_PER_SECOND = 5
"""Faster ones cannot be read."""

_QUALITY = 8
"""On imageio-ffmpeg's scale from 1 to 10; the same as x264's crf 10. Text and thin lines stay sharp."""


class Mp4Writer:
    """Writes RGB frames, uint8 `[height, width, 3]`, to an MP4 (H.264, yuv420p); use it in a `with`.

    yuv420p needs even sides, so an odd side gets its last row or column twice. The last frame stays for
    another second. The file appears at `path` when the block ends without an error and ffmpeg has written
    every frame; otherwise nothing is left behind.

    Raises:
        MachineLacks: imageio-ffmpeg is not installed, or its ffmpeg cannot run or write.
        UsageError: the block ended before any frame was added.
    """

    def __init__(self, path: Path, *, frames_per_second: float = 50.0) -> None:
        """Prepare a recording; nothing is written before the `with` block begins."""
        try:
            import imageio_ffmpeg
        except ImportError as error:
            raise MachineLacks(
                "An MP4 needs the package 'imageio-ffmpeg'. Type: pip install 'lander-rl[video]'"
            ) from error
        self._ffmpeg: Any = imageio_ffmpeg
        self._path = path
        self._frames_per_second = frames_per_second
        self._frames_per_caption = max(1, round(frames_per_second / _CAPTIONS_PER_SECOND))
        self._frames = 0
        self._closed = False
        self._shown = ""
        self._caption = ""
        self._last: NDArray[np.uint8] | None = None
        self._temporary: Path | None = None
        self._sink: Generator[None, Any, None] | None = None
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> Mp4Writer:
        """Open a temporary file beside the final path."""
        self._temporary = self._resources.enter_context(atomic_write(self._path))
        return self

    def add(self, frame: NDArray[np.uint8], caption: str = "", lasting: str = "") -> None:
        """Append one frame, with `caption` in its top left corner; it changes five times a second.

        Where it stays for several frames, it is `lasting`, unless that is empty.

        Raises:
            ValueError: the frame is not uint8 `[height, width, 3]`, or not of the first frame's shape.
            RuntimeError: called outside the `with` block.
        """
        if self._temporary is None or self._closed:
            raise RuntimeError("expected add() inside `with Mp4Writer(...) as video:`, found it outside")
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
            raise ValueError(f"expected uint8 [height, width, 3], found {frame.dtype} {list(frame.shape)}")
        if self._last is not None and frame.shape != self._last.shape:
            raise ValueError(f"expected frames of {list(self._last.shape)}, found {list(frame.shape)}")
        if self._frames % self._frames_per_caption == 0:
            self._shown = lasting if lasting and self._frames_per_caption > 1 else caption
        self._caption, self._last = caption, frame
        self._send(stamped(frame, self._shown))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Finish the file and move it to its place, or discard it after an error."""
        if kind is not None:
            self._close()
            self._resources.__exit__(kind, error, traceback)
            return
        with self._resources:
            if self._last is None:
                raise UsageError(f"expected frames for {self._path}, found none; call add() inside `with`")
            try:
                for _ in range(round(self._frames_per_second)):
                    self._send(stamped(self._last, self._caption))
            finally:
                self._close()
            self._check()

    def _send(self, frame: NDArray[np.uint8]) -> None:
        height, width = frame.shape[:2]
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._sink is None:
            self._sink = self._start(even.shape[1], even.shape[0])
        try:
            self._sink.send(np.ascontiguousarray(even))
        except OSError as error:  # A broken pipe: ffmpeg has ended and printed the reason on stderr.
            raise MachineLacks(f"ffmpeg could not write {self._path}: {first_line(error)}") from error
        self._frames += 1

    def _start(self, width: int, height: int) -> Generator[None, Any, None]:
        try:
            sink = self._ffmpeg.write_frames(
                self._temporary,
                (width, height),
                fps=self._frames_per_second,
                codec="libx264",
                quality=_QUALITY,
                macro_block_size=2,
                ffmpeg_log_level="error",
                # The index first, so that a browser can start to play before the download is complete.
                output_params=["-movflags", "+faststart"],
            )
            sink.send(None)
        except (OSError, RuntimeError) as error:
            raise MachineLacks(f"ffmpeg cannot run here: {first_line(error)}") from error
        return sink

    def _close(self) -> None:
        self._closed = True
        if self._sink is not None:
            self._sink.close()

    def _check(self) -> None:
        """Count the frames of the file, because imageio-ffmpeg does not report ffmpeg's exit status."""
        try:
            found, _ = self._ffmpeg.count_frames_and_secs(str(self._temporary))
        except (OSError, RuntimeError) as error:
            raise MachineLacks(f"ffmpeg could not write {self._path}: {first_line(error)}") from error
        if found != self._frames:
            raise MachineLacks(
                f"ffmpeg wrote {found} of {self._frames} frames of {self._path}. Check if the disk is full."
            )
