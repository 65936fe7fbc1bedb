"""Captions on pictures: white text in a black box in the top left corner, for files and windows alike."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont


def stamped(frame: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    """A copy of `frame` `[height, width, 3]` with `caption` on it; `frame` itself if the caption is empty."""
    if not caption:
        return frame
    box = label(caption, frame.shape[:2])
    copy = frame.copy()
    copy[: box.shape[0], : box.shape[1]] = box
    return copy


def label(caption: str, canvas: tuple[int, ...]) -> NDArray[np.uint8]:
    """White text on a black box, uint8 RGB, at most as large as `canvas` (height, width); may be empty."""
    if not caption:
        return np.empty((0, 0, 3), np.uint8)
    size = max(10, min(14, canvas[1] // 40))
    font = ImageFont.load_default(size)
    left, top = size // 3, size // 5
    _, _, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).textbbox((left, top), caption, font)
    # In steps of 40 pixels, so that the box does not change its width with every digit.
    width = -(-int(right + left) // 40) * 40
    height = max(int(bottom) + top, size + 2 * left)
    image = Image.new("L", (min(width, canvas[1]), min(height, canvas[0])))
    ImageDraw.Draw(image).text((left, top), caption, fill=255, font=font)
    # Two greys between black and white keep the letters smooth; more of them compress worse.
    grey = np.round(np.asarray(image) / 85).astype(np.uint8) * np.uint8(85)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)
