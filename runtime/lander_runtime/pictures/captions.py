"""Captions on pictures: white text in a black box in the top left corner, for files and windows alike.

A caption that is wider than its picture goes on in the next line.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_GAPS = ("   ", "  ", " ")
"""Where a line breaks, the best place first: between parts of a caption, between names with their values,
between words."""


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
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    one_line = size + 2 * left
    lines = list(_lines(caption, lambda line: left + draw.textlength(line, font) + left <= canvas[1]))
    while True:
        text = "\n".join(lines)
        _, _, right, bottom = draw.multiline_textbbox((left, top), text, font, spacing=top)
        height = max(int(bottom) + top, one_line)
        if height <= max(canvas[0] // 2, one_line) or len(lines) == 1:
            break
        # More than half of a tiny picture is never hidden, unless by the first line.
        lines.pop()
    # In steps of 40 pixels, so that the box does not change its width with every digit.
    width = -(-int(right + left) // 40) * 40
    height = min(height, canvas[0])
    image = Image.new("L", (min(width, canvas[1]), height))
    ImageDraw.Draw(image).multiline_text((left, top), text, fill=255, font=font, spacing=top)
    # Two greys between black and white keep the letters smooth; more of them compress worse.
    grey = np.round(np.asarray(image) / 85).astype(np.uint8) * np.uint8(85)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def _lines(caption: str, fits: Callable[[str], bool], gaps: tuple[str, ...] = _GAPS) -> Iterator[str]:
    """The caption in lines that fit; a word that is too long is left as it is."""
    if fits(caption) or not gaps:
        yield caption
        return
    line, gap = "", gaps[0]
    for part in caption.split(gap):
        longer = f"{line}{gap}{part}" if line else part
        if fits(longer):
            line = longer
            continue
        if line:
            yield line
        *full, line = _lines(part, fits, gaps[1:])
        yield from full
    yield line
