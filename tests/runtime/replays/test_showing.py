"""Replays as pictures: MP4, GIF and window, at any size and speed, and no file after a divergence."""

import gc
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from lander_runtime import EnvSpec, MachineLacks, Policy, UsageError
from lander_runtime.episodes.actors import actor_of
from lander_runtime.episodes.episode import Keep
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.episodes.lane import Lane
from lander_runtime.episodes.moments import moments_of
from lander_runtime.pictures.captions import stamped
from lander_runtime.pictures.record import draw_episode, record_episode
from lander_runtime.pictures.scaling import Size
from lander_runtime.pictures.video import Mp4Writer
from lander_runtime.pictures.window import Window, WindowClosed
from lander_runtime.replays import Recorded, ReplayVerifier, header_for
from lander_runtime.replays.showing import Pace, Showing


@pytest.fixture
def ffmpeg() -> Any:
    return pytest.importorskip("imageio_ffmpeg", reason="the extra video is not installed")


def picture(value: int, height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


def frames_of(ffmpeg: Any, path: Path) -> tuple[dict[str, Any], list[NDArray[np.uint8]]]:
    """What the file says about itself, and its pictures; by ffmpeg itself, since the reader leaks pipes."""
    command = [ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    child = subprocess.run(command, capture_output=True, check=True, timeout=60)
    video = re.search(r"Video: (\w+) .*?, (\w+)\W.*? (\d+)x(\d+).*?, ([\d.]+) fps", child.stderr.decode())
    assert video is not None
    width, height = int(video[3]), int(video[4])
    about = {"codec": video[1], "pix_fmt": video[2], "size": (width, height), "fps": float(video[5])}
    return about, list(np.frombuffer(child.stdout, np.uint8).reshape(-1, height, width, 3))


# MP4


def test_every_frame_is_in_the_mp4_and_the_last_one_stays(tmp_path: Path, ffmpeg: Any) -> None:
    with Mp4Writer(tmp_path / "a.mp4", frames_per_second=10) as video:
        for value in (0, 100, 200):
            video.add(picture(value))
    about, frames = frames_of(ffmpeg, tmp_path / "a.mp4")
    assert (about["codec"], about["fps"], about["size"]) == ("h264", 10.0, (60, 40))
    assert about["pix_fmt"] == "yuv420p"
    assert [round(float(frame.mean()), -1) for frame in frames] == [0, 100, *[200] * 11]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_browsers_find_the_index_first(tmp_path: Path, ffmpeg: Any) -> None:
    with Mp4Writer(tmp_path / "a.mp4") as video:
        video.add(picture(50))
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_an_odd_side_becomes_even(tmp_path: Path, ffmpeg: Any) -> None:
    frame = picture(0, 41, 61)
    frame[-1], frame[:, -1] = 255, 255
    with Mp4Writer(tmp_path / "a.mp4", frames_per_second=5) as video:
        video.add(frame)
    about, frames = frames_of(ffmpeg, tmp_path / "a.mp4")
    assert about["size"] == (62, 42)
    assert frames[0][-2:].mean() > 240
    assert frames[0][:, -2:].mean() > 240
    assert frames[0][:-4, :-4].mean() < 10


def test_captions_change_five_times_a_second_and_the_last_is_its_own(tmp_path: Path, ffmpeg: Any) -> None:
    with Mp4Writer(tmp_path / "a.mp4", frames_per_second=10) as video:
        for number in range(4):
            video.add(picture(0, 40, 120), "III" * (number + 1))
    _, frames = frames_of(ffmpeg, tmp_path / "a.mp4")
    written = [int((frame[:14] > 128).sum()) for frame in frames]
    assert 0 < written[0] == pytest.approx(written[1], rel=0.1)
    assert written[2] > 1.5 * written[0]
    assert written[3] == pytest.approx(written[2], rel=0.1)
    assert written[-1] > 1.2 * written[3]


def test_an_error_leaves_the_old_mp4(tmp_path: Path, ffmpeg: Any) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), Mp4Writer(tmp_path / "a.mp4") as video:
        video.add(picture(0))
        raise ZeroDivisionError
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_frames_that_are_none_are_refused(tmp_path: Path, ffmpeg: Any) -> None:
    with Mp4Writer(tmp_path / "a.mp4") as video:
        video.add(picture(0))
        for frame in (picture(0, 42), np.zeros((40, 60), np.uint8), np.zeros((40, 60, 3))):
            with pytest.raises(ValueError, match="expected"):
                video.add(frame)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="inside"):
        video.add(picture(0))
    with pytest.raises(UsageError, match="found none"), Mp4Writer(tmp_path / "b.mp4"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


# imageio-ffmpeg leaves its end of the pipe to the garbage collector if ffmpeg has ended by itself.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_ffmpeg_that_ends_early_is_reported(
    tmp_path: Path, ffmpeg: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as on a full disk; here a program that writes nothing stands in for it."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/true" if Path("/bin/true").exists() else "/usr/bin/true")
    with pytest.raises(MachineLacks, match="ffmpeg"), Mp4Writer(tmp_path / "a.mp4") as video:
        for _ in range(50):
            video.add(picture(0, 400, 600))
    assert list(tmp_path.iterdir()) == []
    gc.collect()  # Here, where that is known, and not in a later test.


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MachineLacks, match=r"pip install 'lander-rl\[video\]'"):
        Mp4Writer(tmp_path / "a.mp4")


# Sizes


@pytest.mark.parametrize(
    ("text", "shape"),
    [("1", (40, 60)), ("2", (80, 120)), ("0.5", (20, 30)), ("120x100", (100, 120)), ("61X40", (40, 61))],
)
def test_pictures_get_the_size_that_was_asked_for(text: str, shape: tuple[int, int]) -> None:
    assert Size.parse(text).fit(picture(9)).shape == (*shape, 3)


def test_whole_times_keep_every_pixel() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    assert np.array_equal(Size.parse("3").fit(frame), frame.repeat(3, axis=0).repeat(3, axis=1))


def test_other_proportions_get_black_margins() -> None:
    fitted = Size.parse("60x60").fit(picture(255))
    assert (fitted[:10] == 0).all()
    assert (fitted[10:50] == 255).all()
    assert (fitted[50:] == 0).all()


@pytest.mark.parametrize(
    "text", ["", "big", "0", "-1", "nan", "inf", "1e9", "10x10", "9000x100", "600x", "6 x 4"]
)
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="size"):
        Size.parse(text)


# Speed


@pytest.mark.parametrize(
    ("speed", "every", "frames_per_second"), [(1, 1, 25), (2, 1, 50), (3, 2, 37.5), (4, 2, 50), (0.2, 1, 5)]
)
def test_a_pace_that_cannot_be_shown_leaves_pictures_out(
    drifting: EnvSpec, speed: float, every: int, frames_per_second: float
) -> None:
    """The double asks for 25 a second."""
    lane = Lane(drifting)
    assert Pace.of(lane, speed) == Pace(every, frames_per_second)
    lane.env.close()


class Shown:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.frames: list[NDArray[np.uint8]] = []
        self.captions: list[str] = []
        self.lasting: list[str] = []

    def add(self, frame: NDArray[np.uint8], caption: str = "", lasting: str = "") -> None:
        self.frames.append(frame)
        self.captions.append(caption)
        self.lasting.append(lasting)


def test_the_first_and_the_last_moment_are_shown_at_any_speed(drifting: EnvSpec, discrete: Policy) -> None:
    lane, shown = Lane(drifting, "rgb_array"), Shown()
    episode = draw_episode(lane, moments_of(lane, actor_of(discrete), 3), shown, every=4)
    lane.env.close()
    steps = [int(caption.split()[1]) for caption in shown.captions]
    assert episode.length % 4
    assert steps == [*range(0, episode.length, 4), episode.length]
    assert shown.captions[-1].endswith(episode.outcome)
    assert shown.lasting[1].startswith("at step 4:   return ")
    assert [len(lasting.split("   ")) for lasting in shown.lasting[1:]] == [2] * (len(steps) - 1)


# Replays


@pytest.fixture
def recorded(drifting: EnvSpec, discrete: Policy) -> Recorded:
    """An episode of the double."""
    [episode] = run_episodes(actor_of(discrete), drifting, [3], keep=Keep(actions=True))
    return Recorded.of(episode, discrete.info.action)


@pytest.fixture
def verifier(drifting: EnvSpec) -> Any:
    header = header_for(drifting, policy_sha256=None, deterministic=True, first_seed=3, episodes=1)
    with ReplayVerifier(header, "rgb_array") as opened:
        yield opened


def test_a_replay_is_the_recording_of_its_policy(
    tmp_path: Path, verifier: ReplayVerifier, recorded: Recorded, drifting: EnvSpec, discrete: Policy
) -> None:
    """Byte for byte, captions included."""
    record_episode(actor_of(discrete), drifting, 3, tmp_path / "policy.gif")
    showing = Showing(Pace.of(verifier.lane), gif=tmp_path / "replay.gif")
    check = verifier.verify(recorded, lambda moments: showing.show(verifier.lane, moments))
    assert check.divergence is None
    assert (tmp_path / "replay.gif").read_bytes() == (tmp_path / "policy.gif").read_bytes()


def test_gif_and_mp4_in_one_pass(
    tmp_path: Path, verifier: ReplayVerifier, recorded: Recorded, ffmpeg: Any
) -> None:
    showing = Showing(Pace.of(verifier.lane), Size(factor=2), tmp_path / "a.gif", tmp_path / "a.mp4")
    assert verifier.verify(recorded, lambda moments: showing.show(verifier.lane, moments)).divergence is None
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.size == (180, 120)
        duration = sum(frame.info["duration"] for frame in ImageSequence.Iterator(gif))
    assert duration == 40 * (recorded.length + 1) + 1000
    about, frames = frames_of(ffmpeg, tmp_path / "a.mp4")
    assert (about["size"], about["fps"]) == ((180, 120), 25.0)
    assert len(frames) == recorded.length + 1 + 25
    rows = [int(np.flatnonzero((frame[60:] > 128).all(axis=(1, 2)))[0]) // 2 for frame in frames]
    assert rows == [*range(recorded.length + 1), *[recorded.length] * 25]


def test_nothing_is_left_of_an_episode_that_diverges(
    tmp_path: Path, verifier: ReplayVerifier, recorded: Recorded, ffmpeg: Any
) -> None:
    changed = replace(recorded, rewards=recorded.rewards + 1e-9)
    showing = Showing(Pace.of(verifier.lane), gif=tmp_path / "a.gif", mp4=tmp_path / "a.mp4")
    assert (
        verifier.verify(changed, lambda moments: showing.show(verifier.lane, moments)).divergence is not None
    )
    assert list(tmp_path.iterdir()) == []


# The window


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    return pytest.importorskip("pygame")


def test_a_window_takes_the_size_of_its_pictures(pygame: Any) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (90, 130, 3), np.uint8)
    with Window("a title", frames_per_second=1000) as window:
        window.add(frame)
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
        assert np.array_equal(shown, frame)
        assert pygame.display.get_caption()[0] == "a title"
        window.add(frame, "words")
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
        assert np.array_equal(shown, stamped(frame, "words"))
    assert not pygame.display.get_init()


def test_closing_the_window_ends_the_showing(
    pygame: Any, verifier: ReplayVerifier, recorded: Recorded
) -> None:
    with Window("a title", frames_per_second=1000) as window:
        window.add(picture(0))
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        showing = Showing(Pace.of(verifier.lane), window=window)
        with pytest.raises(WindowClosed):
            verifier.verify(recorded, lambda moments: showing.show(verifier.lane, moments))
    assert (verifier.verified, verifier.first_divergence) == (0, None)


def test_without_a_screen_the_error_says_what_to_do(pygame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "no-such-driver")
    with pytest.raises(MachineLacks, match="--gif or --mp4"), Window("a title"):
        pass
