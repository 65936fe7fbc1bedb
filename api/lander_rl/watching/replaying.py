"""`replay`: verify recorded episodes without the policy, and draw them.

The command `lander replay` turns its options into a `ReplayRequest` and runs it here too.
"""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.inputs.importing import with_imports
from lander_rl.observing import stage, stages_of
from lander_rl.outputs.checks import check_all_writable
from lander_rl.outputs.drawings import Artist, Files
from lander_rl.wording import names_arguments
from lander_runtime.errors import UsageError
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_rl.results.replay import ReplayResult
    from lander_runtime.episodes.episode import EpisodeObserver
    from lander_runtime.replays import ReplayFile, ReplayVerifier


@dataclass(frozen=True)
class ReplayRequest:
    """The arguments of `replay`, checked when the request is made.

    Raises:
        UsageError: a value is out of range, or a file name has the wrong suffix.
    """

    file: Filename
    """A .jsonl.gz of `evaluate(..., save_replay=...)`."""
    episodes: str | int | Sequence[int] | None = None
    """Which: `all`, `first`, `best`, `worst`, how many from the first on, or seeds. None takes all, or only
    the first if something is drawn."""
    gif: Filename | None = None
    """A .gif file to draw in; several episodes go into files named by their seeds."""
    mp4: Filename | None = None
    """The same as an .mp4 file; needs the extra `video`."""
    render: Literal["human"] | None = None
    """`human` draws in a window."""
    size: str = "1"
    """Of the pictures: `1200x800` in pixels, or a factor such as `2` or `0.5`."""
    speed: float = 1.0
    """0.01 to 100; 1 is the environment's own pace."""
    imports: Sequence[str] = ()
    """Modules that register environments, as in `EvaluateRequest`. The file's own word imports nothing."""

    def __post_init__(self) -> None:
        from lander_runtime.pictures.scaling import Size

        Size.parse(self.size)
        if not 0.01 <= self.speed <= 100.0:
            raise UsageError(f"--speed {self.speed:g} should be from 0.01 to 100.")
        if self.render not in (None, "human"):
            raise UsageError(f"--render {self.render!r} is not known; choose human.")
        for option, path, suffix in (("--gif", self.gif, ".gif"), ("--mp4", self.mp4, ".mp4")):
            if path is not None and Path(path).suffix.lower() != suffix:
                raise UsageError(f"{option} {path} should be a file whose name ends in {suffix}.")
        if not self.draws and (self.size, self.speed) != ("1", 1.0):
            raise UsageError(
                "--size and --speed are for what is drawn. Add --gif FILE, --mp4 FILE or --render human."
            )

    @property
    def draws(self) -> bool:
        """Whether episodes are drawn, in a file or a window."""
        return self.gif is not None or self.mp4 is not None or self.render is not None

    @property
    def wanted(self) -> str:
        """Which episodes, as a word, a number, or seeds with commas."""
        if self.episodes is None:
            return "first" if self.draws else "all"
        if isinstance(self.episodes, str | int):
            return str(self.episodes)
        return ",".join(map(str, self.episodes)) + ","


@names_arguments
def replay(
    file: Filename,
    *,
    episodes: str | int | Sequence[int] | None = None,
    gif: Filename | None = None,
    mp4: Filename | None = None,
    render: Literal["human"] | None = None,
    size: str = "1",
    speed: float = 1.0,
    imports: Sequence[str] = (),
    observer: "EpisodeObserver | None" = None,
) -> "ReplayResult":
    """Run recorded episodes again without the policy, compare every step with the file, and draw them.

    An episode that differs raises nothing: `verified` of the result counts the episodes that equal the file,
    and `first_divergence` says what differs first.

    Args:
        file: a .jsonl.gz file of `evaluate(..., save_replay=...)`.
        episodes: `all`, `first`, `best`, `worst`, how many from the first on, or seeds. By default all, or
            only the first if something is drawn.
        gif: a .gif file to draw in; several episodes go into files named by their seeds.
        mp4: the same as an .mp4 file; needs the extra `video`.
        render: `human` draws in a window.
        size: of the pictures: `1200x800` in pixels, or a factor such as `2` or `0.5`.
        speed: of the window and the files, 0.01 to 100; 1 is the environment's own pace.
        imports: modules that register environments.
        observer: an `EvaluationObserver`; its `on_checked` is called for every episode.

    Raises:
        InputRefused: the file is missing, damaged or hostile.
        MachineLacks: no ffmpeg, or no screen for the window.
        UsageError: a value is out of range, the file has no such seed, or the environment is unknown here.
    """
    request = ReplayRequest(file, episodes, gif, mp4, render, size, speed, imports)
    return run_replay(request, observer)


def run_replay(request: ReplayRequest, observer: "EpisodeObserver | None" = None) -> "ReplayResult":
    """`replay` with its arguments as a request; raises the same errors."""
    from lander_runtime.replays import ReplayFile

    note = stages_of(observer).on_note
    check_all_writable(path_of(request.gif), path_of(request.mp4), say=note)
    with_imports(request.imports)
    recorded = ReplayFile(Path(request.file))
    indices = choose(request.wanted, recorded)
    header = recorded.header
    note(
        f"Replaying {len(indices)} of {counted(header.episodes, 'episode')} of {header.env.id} "
        f"in {request.file}"
    )
    return _verified(recorded, indices, request, observer)


def choose(wanted: str, replay: "ReplayFile") -> range | list[int]:
    """The indices of the chosen episodes, in order: `all`, `first`, `best`, `worst`, a number, or seeds.

    Best and worst go by the returns that the file claims, the first of equals. A number counts episodes
    from the first on. If the file has fewer episodes, and one with that seed, the number is the seed.

    Raises:
        UsageError: it is none of these, or the file has no such seed.
    """
    first, count = replay.header.first_seed, replay.header.episodes
    if wanted in ("all", "first"):
        return range(count if wanted == "all" else 1)
    if wanted in ("best", "worst"):
        sign = 1 if wanted == "best" else -1
        return [max(replay, key=lambda recorded: sign * recorded.return_).index]
    if not re.fullmatch(r"[\d_]{1,19}(,[\d_]{1,19})*,?", wanted) or not wanted.strip("_,"):
        raise UsageError(
            f"--episodes {wanted!r} is not known; choose all, first, best, worst, a number, or seeds with "
            f"commas such as {first},{first + count - 1}."
        )
    numbers = [int(part.replace("_", "")) for part in wanted.split(",") if part.strip("_")]
    if len(numbers) == 1 and "," not in wanted and 1 <= numbers[0] <= count:
        return range(numbers[0])
    for number in numbers:
        if not first <= number < first + count:
            raise UsageError(
                f"The file has {count} episodes, seeds {first} to {first + count - 1}; {number} is neither "
                "one of them nor how many to take."
            )
    return sorted({number - first for number in numbers})


def _verified(
    replay: "ReplayFile",
    indices: range | list[int],
    request: ReplayRequest,
    observer: "EpisodeObserver | None",
) -> "ReplayResult":
    """Run the chosen episodes once more; `indices` are in order."""
    from lander_rl.results.replay import ReplayResult
    from lander_runtime.pictures.window import WindowClosed
    from lander_runtime.replays import EpisodeCheck, ReplayVerifier

    # A range is not turned into a set: a file may claim more episodes than memory holds.
    wanted, last = indices if isinstance(indices, range) else set(indices), indices[-1]
    everything, stages = len(wanted) == replay.header.episodes, stages_of(observer)
    checks: list[EpisodeCheck] = []
    drawn: list[Path] = []
    with ExitStack() as stack:
        verifier = stack.enter_context(ReplayVerifier(replay.header, "rgb_array" if request.draws else None))
        artist = _artist_for(request, verifier, stack, several=len(wanted) > 1)
        stack.enter_context(stage(stages, "episodes", len(wanted)))
        try:
            for recorded in replay:
                if recorded.index in wanted:
                    show, paths = (None, []) if artist is None else artist.of(recorded.seed)
                    checks.append(verifier.verify(recorded, show))
                    drawn += paths if checks[-1].divergence is None else []
                    stages.on_checked(checks[-1])
                if recorded.index == last and not everything:
                    break
        except WindowClosed as closed:
            stages.on_note(str(closed))
    return ReplayResult(
        path=replay.path,
        header=replay.header,
        checks=tuple(checks),
        verified=verifier.verified,
        first_divergence=verifier.first_divergence,
        report=verifier.report(),
        drawn=tuple(drawn),
    )


def _artist_for(
    request: ReplayRequest, verifier: "ReplayVerifier", stack: ExitStack, *, several: bool
) -> "Artist | None":
    """The artist, its window open until `stack` ends; None where nothing is drawn."""
    if not request.draws:
        return None
    from lander_runtime.pictures.scaling import Size
    from lander_runtime.pictures.window import Window
    from lander_runtime.replays.showing import Pace

    lane, window = verifier.lane, None
    pace = Pace.of(lane, request.speed)
    if request.render is not None:
        title = f"{lane.spec.id} - lander replay"
        window = stack.enter_context(Window(title, frames_per_second=pace.frames_per_second))
    gif, mp4 = (path_of(path) for path in (request.gif, request.mp4))
    return Artist(lane, pace, Files(gif, mp4, several), Size.parse(request.size), window)
