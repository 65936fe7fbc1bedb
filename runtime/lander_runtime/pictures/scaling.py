"""Resizes pictures."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lander_runtime.errors import UsageError

_SMALLEST, _LARGEST = 16, 8192
"""Pixels a side; H.264 allows no larger pictures."""


@dataclass(frozen=True)
class Size:
    """The size of the output: in pixels, or as a multiple of the picture's own size."""

    pixels: tuple[int, int] | None = None
    """(width, height); pictures of other proportions get black margins."""
    factor: float = 1.0
    """Used if `pixels` is None."""

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read `1200x800`, or a factor such as `2` or `0.5`.

        Raises:
            UsageError: it is neither, or out of range.
        """
        parts = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text.strip().lower())
        if parts is not None:
            width, height = int(parts[1]), int(parts[2])
            if not _SMALLEST <= min(width, height) <= max(width, height) <= _LARGEST:
                raise UsageError(f"The size {text} should be from {_SMALLEST} to {_LARGEST} pixels a side.")
            return cls((width, height))
        try:
            factor = float(text)
        except ValueError:
            factor = 0.0
        if not 0.01 <= factor <= 100.0:
            raise UsageError(f"{text!r} is not a size. Type 1200x800, or a factor such as 2 or 0.5.")
        return cls(factor=factor)

    def fit(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """`frame`, uint8 `[height, width, 3]`, at this size, its proportions kept.

        For a whole multiple each pixel becomes a square, which keeps the colours and so a GIF small. Any
        other size is resampled (Lanczos).
        """
        height, width = frame.shape[:2]
        box = self.pixels or tuple(
            min(max(round(side * self.factor), _SMALLEST), _LARGEST) for side in (width, height)
        )
        if box == (width, height):
            return frame
        scale = min(box[0] / width, box[1] / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        squares = inner[0] % width == 0 and inner[1] % height == 0
        method = Image.Resampling.NEAREST if squares else Image.Resampling.LANCZOS
        picture = Image.fromarray(frame).resize(inner, method)
        if inner != box:
            canvas = Image.new("RGB", box)
            canvas.paste(picture, ((box[0] - inner[0]) // 2, (box[1] - inner[1]) // 2))
            picture = canvas
        return np.asarray(picture)
