"""Episodes flown again for the camera, as pictures that travel inside the page."""

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
"""Bytes of a GIF. Two of them, a third larger in base64, leave room for the charts in 3 MB."""

_LARGEST_STILL = 100_000
"""Bytes of a PNG in full colour."""

_ATTEMPTS = 3
"""Each at a quarter of the pixels and half the frames of the one before."""


@dataclass(frozen=True)
class Film:
    """An episode in motion, and its last frame for paper and for readers who want nothing to move."""

    gif: str
    """A data URI, as is `still`."""
    still: str
    size: tuple[int, int]
    """Width and height in pixels."""


def film(actor: Actor, spec: EnvSpec, episode: Episode) -> Film | str:
    """`episode` flown again; where that shows nothing, or something else, a sentence that says why."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "episode.gif"
        try:
            again = record_episode(actor, spec, episode.seed, path)
        except (LanderError, ValueError) as error:  # ValueError: pictures that are not in RGB.
            return f"There is no film of it: {error}"
        if again.return_ != episode.return_:
            return (
                f"There is no film of it: flown again it returned {again.return_:.2f}, "
                "so this environment does not repeat itself from a seed."
            )
        for _ in range(_ATTEMPTS):
            if path.stat().st_size <= MOST_FILM_BYTES:
                return _film(path)
            path = shrunk(path)
    return f"There is no film of it: its {episode.length} steps make too large a file for a page."


def background(spec: EnvSpec, seed: int) -> tuple[str, tuple[int, int]] | None:
    """The picture with which the episode of `seed` begins, as a data URI, and its (width, height)."""
    try:
        frame = first_frame(spec, seed)
    except LanderError:
        return None
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        return None
    return _png(frame), (frame.shape[1], frame.shape[0])


def shrunk(path: Path) -> Path:
    """A GIF beside `path` with half its width, height and frame rate, and as long."""
    smaller = path.with_name(f"{path.stem}-small.gif")
    with Image.open(path) as image:
        frames = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
        # The pause on the last frame is no frame rate; the writer makes its own.
        period = max(40, 2 * min(frames))
        size = (max(1, image.width // 2), max(1, image.height // 2))
        with GifWriter(smaller, frames_per_second=max(1, 1000 // period)) as gif:
            for picture in _sampled(image, period):
                gif.add(np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX)))
    return smaller


def _sampled(image: Image.Image, period: int) -> Iterator[Image.Image]:
    """What a viewer of the GIF sees every `period` milliseconds, and its last frame."""
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
    # A simulator's drawing packs well as it is; only what does not loses rare colours to a palette.
    for candidate in (picture, picture.quantize(64, dither=Image.Dither.NONE)):
        file = BytesIO()
        candidate.save(file, "PNG", optimize=True)
        content = file.getvalue()
        if len(content) <= _LARGEST_STILL:
            break
    return _data_uri("image/png", content)


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
