"""Episodes run again to be recorded, as pictures inside the page."""

import base64
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from lander_runtime.episodes.episode import Episode
from lander_runtime.episodes.fleet import Actor
from lander_runtime.errors import LanderError
from lander_runtime.pictures.gif import GifWriter
from lander_runtime.pictures.record import first_frame, record_episode
from lander_runtime.spec import EnvSpec

MOST_FILM_BYTES = 900_000
"""Bytes of a GIF. Two of them, a third larger in base64, and the charts fit into a page of 3 MB."""

_LARGEST_STILL = 100_000
"""Bytes of a PNG in full colour; a larger one gets 64 colours."""

_ATTEMPTS = 3
"""Each has a quarter of the pixels and half the frames of the one before."""


@dataclass(frozen=True)
class Film:
    """An episode as a GIF, and its last frame for print and for readers who prefer reduced motion."""

    gif: str
    """A data URI."""
    still: str
    """A data URI of a PNG."""
    size: tuple[int, int]
    """Width and height in pixels."""


def film(actor: Actor, spec: EnvSpec, episode: Episode) -> Film | str:
    """`episode`, run again and recorded; or a sentence that says why there is no film."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "episode.gif"
        try:
            again = record_episode(actor, spec, episode.seed, path)
        except (LanderError, ValueError) as error:  # ValueError: pictures that are not in RGB.
            return f"There is no film of it: {error}"
        if again.return_ != episode.return_:
            return (
                f"There is no film of it: the episode was run again and returned {again.return_:.2f}, "
                "so one seed does not always give the same episode in this environment."
            )
        for _ in range(_ATTEMPTS):
            if path.stat().st_size <= MOST_FILM_BYTES:
                return _film(path)
            path = shrunk(path)
    return f"There is no film of it: for its {episode.length} steps the file is too large for a page."


def background(spec: EnvSpec, seed: int) -> tuple[str, tuple[int, int]] | None:
    """The first picture of the episode of `seed` as a data URI, and its (width, height); None without one."""
    try:
        frame = first_frame(spec, seed)
    except LanderError:
        return None
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        return None
    return _png(frame), (frame.shape[1], frame.shape[0])


def shrunk(path: Path) -> Path:
    """A GIF beside `path` with half the width, height and frame rate, and the same duration."""
    smaller = path.with_name(f"{path.stem}-small.gif")
    with Image.open(path) as image:
        frames = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
        # The shortest duration is the frame rate: the last frame is longer, because the writer adds a pause.
        period = max(40, 2 * min(frames))
        size = (max(1, image.width // 2), max(1, image.height // 2))
        with GifWriter(smaller, frames_per_second=max(1, 1000 // period)) as gif:
            for picture in _sampled(image, period):
                gif.add(np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX)))
    return smaller


def _sampled(image: Image.Image, period: int) -> Iterator[Image.Image]:
    """The frame that a viewer of the GIF sees every `period` milliseconds, and the last frame."""
    now, due, last = 0, 0, None
    for frame in ImageSequence.Iterator(image):
        now += frame.info["duration"]
        last = frame
        while due < now - 1000 or due == 0:
            yield frame
            due += period
    if last is not None:
        yield last


def _film(path: Path) -> Film:
    with Image.open(path) as image:
        image.seek(getattr(image, "n_frames", 1) - 1)
        last = np.asarray(image.convert("RGB"))
    return Film(_data_uri("image/gif", path.read_bytes()), _png(last), (last.shape[1], last.shape[0]))


def _png(frame: NDArray[np.uint8]) -> str:
    picture, content = Image.fromarray(frame), b""
    # A simulator's drawing compresses well in full colour; only a larger file is reduced to a palette.
    for candidate in (picture, picture.quantize(64, dither=Image.Dither.NONE)):
        file = BytesIO()
        candidate.save(file, "PNG", optimize=True)
        content = file.getvalue()
        if len(content) <= _LARGEST_STILL:
            break
    return _data_uri("image/png", content)


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
