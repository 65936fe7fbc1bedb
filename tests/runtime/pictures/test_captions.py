"""Captions: all words are there, in as many lines as the picture is narrow, and most of it stays visible."""

import numpy as np
import pytest

from lander_runtime.pictures.captions import label, stamped

CAPTION = "step 120   return +213.4   main engine   landed"


def rows_of_text(box: np.ndarray) -> int:
    """Lines of white letters, with black rows between them."""
    written = (box[..., 0] > 80).any(axis=1)
    return int(np.count_nonzero(np.diff(written.astype(int), prepend=0) == 1))


@pytest.mark.parametrize(("width", "lines"), [(600, 1), (320, 1), (160, 2), (90, 4)])
def test_a_caption_goes_on_in_the_next_line(width: int, lines: int) -> None:
    caption = CAPTION.replace("g", "b").replace("p", "b")  # Without letters that hang down.
    box = label(caption, (200, width))
    assert rows_of_text(box) == lines
    assert box.shape[1] <= width
    # Nothing is cut: the last column of the box is as black as its first row.
    assert not box[:, -2:].any() or box.shape[1] == width
    assert not box[0].any()


def test_no_word_is_lost_when_lines_break() -> None:
    """The area of ink is that of the words, in one line or in several."""
    wide, narrow = (np.count_nonzero(label(CAPTION, (200, width))) for width in (399, 100))
    assert narrow == pytest.approx(wide, rel=0.05)


def test_names_keep_their_values() -> None:
    """`gas +0.33` is never broken as long as it fits by itself."""
    caption = "step 7   steering +0.12  gas +0.33  brake +0.00"
    by_hand = [label(line, (200, 96)) for line in ("step 7", "steering +0.12", "gas +0.33", "brake +0.00")]
    whole = label(caption, (200, 96))
    assert rows_of_text(whole) == 4
    ink = sum(np.count_nonzero(box) for box in by_hand)
    assert np.count_nonzero(whole) == pytest.approx(ink, rel=0.02)


def test_half_of_a_tiny_picture_stays_visible() -> None:
    frame = np.full((84, 84, 3), 120, np.uint8)
    shown = stamped(frame, CAPTION + "   and much more than so small a picture has room for")
    assert (shown[42:] == 120).all()
    assert not (shown[:20, :20] == 120).any()


@pytest.mark.parametrize("height", range(24, 100, 4))
def test_lines_that_have_no_room_are_left_out_whole(height: int) -> None:
    box = label("step 14   return +13.3   action 0", (height, 90))
    assert not box[-2:].any()
    assert 1 <= rows_of_text(box) <= 3


def test_a_picture_smaller_than_a_letter_is_only_black() -> None:
    assert label(CAPTION, (5, 3)).shape[:2] <= (5, 3)
