"""`lander replay`: prove that recorded episodes give what they claim, and draw them, without the policy."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.arguments.replay_choice import choose
from lander_cli.commands.eval import Render
from lander_cli.outputs.replay_results import print_results, to_json
from lander_cli.terminal.console import episode_bar, print_json, print_next, say
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.text import counted

if TYPE_CHECKING:
    from lander_runtime.pictures.scaling import Size
    from lander_runtime.replays import EpisodeCheck, Header, ReplayFile, ReplayVerifier
    from lander_runtime.replays.verify import Show


def replay_command(
    file: Annotated[Path, typer.Argument(help="A file of lander eval --save-replay.")],
    gif: Annotated[
        Path | None, typer.Option(help="Draw a GIF; for several episodes one each, named by seed.")
    ] = None,
    mp4: Annotated[Path | None, typer.Option(help="Draw an MP4 likewise; takes the extra 'video'.")] = None,
    render: Annotated[Render | None, typer.Option(help="Draw in a window.")] = None,
    episodes: Annotated[
        str | None,
        typer.Option(
            help="Which: all, first, best, worst, a number, or seeds with commas.",
            show_default="all; the first where something is drawn",
        ),
    ] = None,
    size: Annotated[
        str, typer.Option(help="Size of the pictures: 1200x800, or a factor such as 2 or 0.5.")
    ] = "1",
    speed: Annotated[float, typer.Option(help="How fast to draw; 1 is the environment's own pace.")] = 1.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object (lander.replay-proof/1).")
    ] = False,
) -> None:
    """Fly recorded episodes again without the policy, hold every step against the file, and draw them.

    Where a step, an end or a return is not as the file says the exit code is 1.
    """
    from lander_runtime.pictures.scaling import Size
    from lander_runtime.replays import ReplayFile

    drawing = _Drawing(gif, mp4, render is not None, Size.parse(size), speed)
    drawing.check()
    replay = ReplayFile(file)
    header = replay.header
    by_default = "first" if drawing.wanted else "all"
    indices = choose(by_default if episodes is None else episodes, replay)
    say(f"Replaying {len(indices)} of {counted(header.episodes, 'episode')} of {header.env.id} in {file}")
    verifier, checks, drawn = _replay(replay, indices, drawing)
    if as_json:
        print_json(to_json(file, header, verifier, checks, drawn))
    else:
        print_results(header, verifier, checks)
    for path in drawn:
        say(f"Drew {path}")
    if verifier.first_divergence is not None:
        raise CheckFailed(_failure(header, verifier, len(checks)))
    if drawing.wanted:
        print_next("lander", "replay", file)
    else:
        print_next("lander", "replay", file, "--episodes", "worst", "--gif", "worst.gif")


@dataclass(frozen=True)
class _Drawing:
    """What was asked for in pictures."""

    gif: Path | None
    mp4: Path | None
    window: bool
    size: "Size"
    speed: float

    @property
    def wanted(self) -> bool:
        return self.gif is not None or self.mp4 is not None or self.window

    def check(self) -> None:
        """Refuse before anything is flown what could not be drawn."""
        from lander_runtime.files import check_writable

        if not 0.01 <= self.speed <= 100.0:
            raise UsageError(f"--speed {self.speed:g} should be from 0.01 to 100.")
        for option, path, suffix in (("--gif", self.gif, ".gif"), ("--mp4", self.mp4, ".mp4")):
            if path is None:
                continue
            if path.suffix.lower() != suffix:
                raise UsageError(f"{option} {path} should be a file whose name ends in {suffix}.")
            check_writable(path)


def _replay(
    replay: "ReplayFile", indices: range | list[int], drawing: _Drawing
) -> "tuple[ReplayVerifier, list[EpisodeCheck], list[Path]]":
    """Fly the chosen episodes again, which are in order; what was proved, and the files that were drawn."""
    from lander_runtime.pictures.window import WindowClosed
    from lander_runtime.replays import ReplayVerifier

    # A range stays one: a file may claim to have more episodes than a set of their numbers could hold.
    wanted, last = indices if isinstance(indices, range) else set(indices), indices[-1]
    everything = len(wanted) == replay.header.episodes
    checks: list[EpisodeCheck] = []
    drawn: list[Path] = []
    with ExitStack() as stack:
        verifier = stack.enter_context(ReplayVerifier(replay.header, "rgb_array" if drawing.wanted else None))
        artist = _Artist(drawing, verifier, stack, several=len(wanted) > 1) if drawing.wanted else None
        bar = stack.enter_context(episode_bar(len(wanted)))
        try:
            for recorded in replay:
                if recorded.index in wanted:
                    show, paths = (None, []) if artist is None else artist.of(recorded.seed)
                    checks.append(verifier.verify(recorded, show))
                    drawn += paths if checks[-1].divergence is None else []
                    bar.on_episode(recorded)
                if recorded.index == last and not everything:
                    break
        except WindowClosed as closed:
            say(str(closed))
    return verifier, checks, drawn


class _Artist:
    """Draws one episode after another, all at the same pace and in the same window."""

    def __init__(
        self, drawing: _Drawing, verifier: "ReplayVerifier", stack: ExitStack, *, several: bool
    ) -> None:
        from lander_runtime.pictures.window import Window
        from lander_runtime.replays.showing import Pace

        self._drawing = drawing
        self._lane = verifier.lane
        self._several = several
        self._pace = Pace.of(verifier.lane, drawing.speed)
        self._window = None
        if drawing.window:
            title = f"{verifier.lane.spec.id} - lander replay"
            window = Window(title, frames_per_second=self._pace.frames_per_second)
            self._window = stack.enter_context(window)

    def of(self, seed: int) -> "tuple[Show, list[Path]]":
        """What draws the episode of `seed`, and the files that it makes."""
        from lander_runtime.replays.showing import Showing

        gif, mp4 = self._named(self._drawing.gif, seed), self._named(self._drawing.mp4, seed)
        showing = Showing(self._pace, self._drawing.size, gif, mp4, self._window)
        paths = [path for path in (gif, mp4) if path is not None]
        return lambda moments: showing.show(self._lane, moments), paths

    def _named(self, file: Path | None, seed: int) -> Path | None:
        return file.with_name(f"{file.stem}-{seed}{file.suffix}") if file and self._several else file


def _failure(header: "Header", verifier: "ReplayVerifier", replayed: int) -> str:
    """The first divergence, how many there are, and what may be the cause."""
    from lander_runtime.replays import differences_of_machine

    assert verifier.first_divergence is not None
    cause = differences_of_machine(header) or (
        "Versions and platform are the same, so the file was changed, or the environment does not repeat "
        "itself from a seed."
    )
    how_many = f"{replayed - verifier.verified} of {counted(replayed, 'episode')} came out otherwise."
    return f"{how_many} {verifier.first_divergence.sentence} {cause}"
