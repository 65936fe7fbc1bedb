"""The GIF writer, judged by what Pillow decodes and by a small reader of the blocks in the file.

The block reader is here because Pillow hides what matters: local palettes, rectangles, raw delays.
"""

import gc
import struct
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from lander_runtime.errors import UsageError
from lander_runtime.pictures.gif import GifWriter

Frame = NDArray[np.uint8]

BLACK, WHITE, PURPLE, YELLOW = (0, 0, 0), (255, 255, 255), (128, 102, 230), (204, 204, 0)


@dataclass(frozen=True)
class Block:
    """One image block of a GIF file; times in centiseconds, sizes in pixels."""

    delay: int
    left: int
    top: int
    width: int
    height: int
    has_local_palette: bool


def scene(position: int, *, height: int = 60, width: int = 90) -> Frame:
    """Black sky, white ground, and a purple square with a yellow dot at `position`."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[height * 3 // 4 :] = WHITE
    frame[30:36, position : position + 6] = PURPLE
    frame[20, position] = YELLOW
    return frame


def interrupted(frames: list[Frame], error: BaseException) -> Iterator[Frame]:
    """The frames, then `error`, as when a simulator dies in the middle of an episode."""
    yield from frames
    raise error


def write(path: Path, frames: Iterable[Frame], captions: list[str] | None = None, **options: int) -> Path:
    with GifWriter(path, **options) as gif:
        for index, frame in enumerate(frames):
            gif.add(frame, captions[index] if captions else "")
    return path


def decode(path: Path) -> tuple[list[Frame], list[int]]:
    """The composited pictures `[height, width, 3]` and their durations in milliseconds."""
    with Image.open(path) as image:
        shown = [
            (np.asarray(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return [picture for picture, _ in shown], [duration for _, duration in shown]


def blocks(path: Path) -> tuple[list[Block], bool, bool]:
    """The image blocks, whether there is a global palette, and whether the file loops for ever."""
    data = path.read_bytes()
    assert data[:6] == b"GIF89a"
    has_global_palette = bool(data[10] & 0x80)
    position = 13 + (3 << (data[10] & 7) + 1 if has_global_palette else 0)
    found: list[Block] = []
    loops, delay = False, 0
    while data[position : position + 1] != b";":
        if data[position] == 0x21:
            if data[position + 1] == 0xF9:
                (delay,) = struct.unpack_from("<H", data, position + 4)
            loops |= data[position + 3 :].startswith(b"NETSCAPE2.0\x03\x01\x00\x00")
            position += 2
        else:
            assert data[position] == 0x2C
            left, top, width, height, flags = struct.unpack_from("<4HB", data, position + 1)
            found.append(Block(delay, left, top, width, height, bool(flags & 0x80)))
            position += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        while data[position]:
            position += 1 + data[position]
        position += 1
    assert position == len(data) - 1
    return found, has_global_palette, loops


def test_few_colours_come_back_exactly(tmp_path: Path) -> None:
    frames = [scene(position) for position in range(0, 60, 3)]
    pictures, _ = decode(write(tmp_path / "a.gif", frames))
    assert len(pictures) == len(frames)
    for picture, frame in zip(pictures, frames, strict=True):
        np.testing.assert_array_equal(picture, frame)


def test_random_changes_come_back_exactly(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    colours = np.array([BLACK, WHITE, PURPLE, YELLOW, (77, 77, 128), (40, 180, 60)], np.uint8)
    picture = random.integers(len(colours), size=(17, 23))
    frames = [colours[picture]]
    for _ in range(30):
        spot = random.random(picture.shape) < random.choice([0.002, 0.1, 0.9])
        picture = np.where(spot, random.integers(len(colours), size=picture.shape), picture)
        frames.append(colours[picture])
    frames = [frame for index, frame in enumerate(frames) if index == 0 or (frame != frames[index - 1]).any()]
    pictures, _ = decode(write(tmp_path / "a.gif", frames))
    np.testing.assert_array_equal(np.stack(pictures), np.stack(frames))


def test_common_colours_of_the_first_frame_are_exact(tmp_path: Path) -> None:
    """Among 200 rare colours, and where a neighbour (51, 51, 51) or (0, 0, 0) is in the palette too."""
    frame = np.full((40, 50, 3), (55, 55, 55), np.uint8)
    frame[20:] = (3, 3, 3)
    frame[:4] = np.random.default_rng(1).integers(60, 256, size=(4, 50, 3))
    frame[30, 7] = BLACK
    picture = decode(write(tmp_path / "a.gif", [frame]))[0][0]
    np.testing.assert_array_equal(picture[4:30], frame[4:30])


def test_a_colour_that_appears_later_is_close(tmp_path: Path) -> None:
    """Half the 51 between two levels of the colour cube, and 4 from a cell's centre to its edge."""
    flames = np.random.default_rng(3).integers(256, size=(40, 50, 3)).astype(np.uint8)
    pictures, _ = decode(write(tmp_path / "a.gif", [np.zeros((40, 50, 3), np.uint8), flames]))
    assert np.abs(pictures[1].astype(int) - flames).max() <= 30


def test_the_frame_belongs_to_the_caller(tmp_path: Path) -> None:
    frame = scene(10)
    with GifWriter(tmp_path / "a.gif") as gif:
        gif.add(frame)
        frame[:] = YELLOW
    np.testing.assert_array_equal(decode(tmp_path / "a.gif")[0][0], scene(10))


def test_a_frame_need_not_be_contiguous(tmp_path: Path) -> None:
    flipped = scene(10).transpose(1, 0, 2)[::-1]
    np.testing.assert_array_equal(decode(write(tmp_path / "a.gif", [flipped]))[0][0], flipped)


def test_one_global_palette_for_ever(tmp_path: Path) -> None:
    found, has_global_palette, loops = blocks(write(tmp_path / "a.gif", [scene(p) for p in range(20)]))
    assert has_global_palette
    assert loops
    assert not any(block.has_local_palette for block in found)


def test_only_the_changed_rectangle_is_stored(tmp_path: Path) -> None:
    second = scene(10)
    second[3:5, 70:77] = YELLOW
    first_block, second_block = blocks(write(tmp_path / "a.gif", [scene(10), second]))[0]
    assert (first_block.width, first_block.height) == (90, 60)
    assert (second_block.left, second_block.top) == (70, 3)
    assert (second_block.width, second_block.height) == (7, 2)


def test_unchanged_pixels_cost_next_to_nothing(tmp_path: Path) -> None:
    """Two corners change on a noisy background: the noise between them must not be stored again."""
    noise = np.random.default_rng(5).choice(
        np.array([0, 51, 102, 153, 204, 255], np.uint8), size=(100, 100, 3)
    )
    noise[0, 0] = noise[-1, -1] = BLACK
    corners = noise.copy()
    corners[0, 0] = corners[-1, -1] = YELLOW
    one = write(tmp_path / "one.gif", [noise]).stat().st_size
    two = write(tmp_path / "two.gif", [noise, corners]).stat().st_size
    assert blocks(tmp_path / "two.gif")[0][1].width == 100
    assert one > 10_000
    assert two - one < 500


@pytest.mark.parametrize(
    ("frames_per_second", "milliseconds"),
    [(50, 20), (60, 20), (100, 20), (30, 30), (25, 40), (24, 40), (15, 70), (1, 1000)],
)
def test_the_delay_is_the_nearest_that_browsers_honour(
    tmp_path: Path, frames_per_second: int, milliseconds: int
) -> None:
    path = write(tmp_path / "a.gif", [scene(1), scene(2), scene(3)], frames_per_second=frames_per_second)
    assert decode(path)[1] == [milliseconds, milliseconds, milliseconds + 1000]


def test_unchanged_frames_take_their_time(tmp_path: Path) -> None:
    frames = [scene(p) for p in (1, 1, 1, 5, 5, 9, 9, 9, 9)]
    pictures, durations = decode(write(tmp_path / "a.gif", frames))
    assert durations == [60, 40, 80 + 1000]
    np.testing.assert_array_equal(np.stack(pictures), np.stack([scene(1), scene(5), scene(9)]))


def test_a_standstill_longer_than_the_largest_delay(tmp_path: Path) -> None:
    """700 frames of 100 centiseconds and one second more are 70,100; a delay holds 65,535."""
    path = write(tmp_path / "a.gif", [scene(1)] * 700, frames_per_second=1)
    assert sum(block.delay for block in blocks(path)[0]) == 70_100
    np.testing.assert_array_equal(decode(path)[0][-1], scene(1))


@pytest.mark.parametrize("background", [BLACK, WHITE])
def test_a_caption_is_readable_on_any_background(tmp_path: Path, background: tuple[int, int, int]) -> None:
    frame = np.full((100, 300, 3), background, np.uint8)
    (picture,), _ = decode(write(tmp_path / "a.gif", [frame], ["step 123   return +45.6"]))
    corner = picture[:20, :160].astype(int)
    assert (corner > 200).all(axis=2).sum() > 50, "white letters"
    assert (corner < 20).all(axis=2).sum() > 1000, "on a black box"
    np.testing.assert_array_equal(picture[24:], frame[24:])
    np.testing.assert_array_equal(picture[:, 240:], frame[:, 240:])


def test_the_box_keeps_its_width_with_other_digits(tmp_path: Path) -> None:
    frame = np.full((100, 300, 3), 255, np.uint8)
    texts = ["step 8   return +11.0", "step 18   return +88.0", "step 88   return -0.5"]
    pictures = [decode(write(tmp_path / f"{text}.gif", [frame], [text]))[0][0] for text in texts]
    boxes = [np.flatnonzero((picture == 0).all(axis=2).any(axis=0)).max() for picture in pictures]
    assert len(set(boxes)) == 1


def test_a_caption_larger_than_the_frame_is_cut_off(tmp_path: Path) -> None:
    frame = np.full((6, 8, 3), 255, np.uint8)
    assert decode(write(tmp_path / "a.gif", [frame], ["step 123   return +45.6"]))[0][0].shape == (6, 8, 3)


def test_what_a_caption_covered_comes_back(tmp_path: Path) -> None:
    frame = scene(10, width=300)
    pictures, _ = decode(write(tmp_path / "a.gif", [frame] * 20, ["a long caption"] + [""] * 19))
    assert (pictures[0] != frame).any()
    np.testing.assert_array_equal(pictures[-1], frame)


def test_the_last_frame_shows_its_own_caption_and_lingers(tmp_path: Path) -> None:
    frame = scene(10, width=300)
    steps = [f"step {step}" for step in range(8)]
    pictures, durations = decode(write(tmp_path / "a.gif", [frame] * 8, steps))
    alone, _ = decode(write(tmp_path / "b.gif", [frame], ["step 7"]))
    np.testing.assert_array_equal(pictures[-1], alone[0])
    assert (pictures[0] != pictures[-1]).any()
    assert durations == [160, 1000]


def test_a_caption_is_redrawn_five_times_a_second(tmp_path: Path) -> None:
    frames = [scene(10, width=300)] * 50
    path = write(tmp_path / "a.gif", frames, [f"step {step}" for step in range(50)])
    assert [block.delay for block in blocks(path)[0]] == [20, 20, 20, 20, 20, 100]


@pytest.mark.parametrize(("frames_per_second", "shown"), [(50, "at step 0"), (5, "step 0   left engine")])
def test_a_caption_that_stays_says_what_is_true_of_all_its_frames(
    tmp_path: Path, frames_per_second: int, shown: str
) -> None:
    frame = scene(10, width=300)
    with GifWriter(tmp_path / "a.gif", frames_per_second=frames_per_second) as gif:
        for step in range(8):
            gif.add(frame, f"step {step}   left engine", f"at step {step}")
    pictures, _ = decode(tmp_path / "a.gif")
    for picture, caption in ((pictures[0], shown), (pictures[-1], "step 7   left engine")):
        alone, _ = decode(write(tmp_path / "b.gif", [frame], [caption]))
        np.testing.assert_array_equal(picture, alone[0])


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    frames = [np.random.default_rng(2).integers(256, size=(50, 60, 3)).astype(np.uint8)]
    frames += [frames[0][::-1], frames[0][:, ::-1]]
    first = write(tmp_path / "a.gif", frames, ["one", "two", "three"]).read_bytes()
    assert write(tmp_path / "b.gif", frames, ["one", "two", "three"]).read_bytes() == first
    assert write(tmp_path / "c.gif", frames, ["one", "two", "four"]).read_bytes() != first


def test_the_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    with GifWriter(tmp_path / "a.gif") as gif:
        gif.add(scene(1))
        assert not (tmp_path / "a.gif").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "a.gif"]


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt()])
def test_an_error_in_the_block_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write(tmp_path / "a.gif", interrupted([scene(1), scene(2)], error))
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    before = write(tmp_path / "a.gif", [scene(1)]).read_bytes()
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.gif", interrupted([scene(2)], ZeroDivisionError()))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_no_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found none"):
        write(tmp_path / "a.gif", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (
            np.zeros((60, 91, 3), np.uint8),
            r"expected frame 1 as uint8 \[60, 90, 3\], found uint8 \[60, 91, 3\]",
        ),
        (np.zeros((60, 90, 4), np.uint8), r"found uint8 \[60, 90, 4\]"),
        (np.zeros((60, 90), np.uint8), r"found uint8 \[60, 90\]"),
        (np.zeros((60, 90, 3), np.float32), r"expected frame 1 as uint8 .* found float32 \[60, 90, 3\]"),
    ],
)
def test_a_frame_of_another_kind_is_refused(tmp_path: Path, frame: Frame, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        write(tmp_path / "a.gif", [scene(1), frame])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(60, 90), (60, 90, 4), (0, 90, 3), (3,), (2, 60, 90, 3)])
def test_a_first_frame_that_is_not_a_picture_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected frame 0 as uint8 \[height, width, 3\]"):
        write(tmp_path / "a.gif", [np.zeros(shape, np.uint8)])


def test_a_refused_frame_does_not_spoil_the_recording(tmp_path: Path) -> None:
    with GifWriter(tmp_path / "a.gif") as gif:
        gif.add(scene(1))
        with pytest.raises(ValueError, match="found"):
            gif.add(scene(2)[:-1])
        gif.add(scene(2))
    assert decode(tmp_path / "a.gif")[1] == [20, 1020]


def test_frames_belong_inside_the_block(tmp_path: Path) -> None:
    gif = GifWriter(tmp_path / "a.gif")
    with pytest.raises(RuntimeError, match="inside `with"):
        gif.add(scene(1))
    with gif:
        gif.add(scene(1))
    with pytest.raises(RuntimeError, match="inside `with"):
        gif.add(scene(1))


def test_a_frame_rate_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1, found 0"):
        GifWriter(tmp_path / "a.gif", frames_per_second=0)


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """1,800 frames are 29 MB raw; holding no more than 100 bytes for each would be 180 kB."""
    path = tmp_path / "a.gif"
    tracemalloc.start()
    try:
        with GifWriter(path) as gif:
            for step in range(200):
                gif.add(scene(step % 80), f"step {step}")
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            for step in range(200, 2000):
                gif.add(scene(step % 80), f"step {step}")
            gc.collect()
            after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 150_000
    assert peak - before < 2_000_000
    assert sum(block.delay for block in blocks(path)[0]) == 2000 * 2 + 100


@pytest.mark.parametrize("seed", [1, 2])
def test_a_landing_stays_below_250_kilobytes(tmp_path: Path, seed: int) -> None:
    """A whole episode of about 200 steps at 600 x 400 with a caption on every frame."""
    pytest.importorskip("Box2D")
    import gymnasium
    from gymnasium.envs.box2d.lunar_lander import LunarLander, heuristic

    env = gymnasium.make("LunarLander-v3", render_mode="rgb_array")
    lander = env.unwrapped
    assert isinstance(lander, LunarLander)
    observation, _ = env.reset(seed=seed)
    path = tmp_path / "landing.gif"
    total, steps, over = 0.0, 0, False
    picture = np.empty(0, np.uint8)
    with GifWriter(path) as gif:
        while not over:
            action = heuristic(lander, observation)
            observation, reward, terminated, truncated, _ = env.step(action)
            total, steps, over = total + float(reward), steps + 1, terminated or truncated
            picture = env.render()
            assert isinstance(picture, np.ndarray)
            engine = ("no engine", "left engine", "main engine", "right engine")[int(action)]
            gif.add(picture, f"step {steps}   return {total:+.1f}   {engine}")
    env.close()
    assert 150 <= steps <= 300
    assert path.stat().st_size < 250_000
    assert sum(block.delay for block in blocks(path)[0]) == steps * 2 + 100
    last = decode(path)[0][-1]
    # The 24 rows of the caption aside, what is shown differs from the frame by the palette's grain only.
    assert np.abs(last[24:].astype(int) - picture[24:]).max() <= 30
