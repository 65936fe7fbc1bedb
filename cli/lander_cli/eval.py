"""`lander eval`: score a policy file over N episodes, and show what it does."""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.console import episode_bar, print_json, print_next, say
from lander_cli.numbers import number_or_auto, whole_number
from lander_cli.pages import Listeners, album_for, check_report, write_report
from lander_cli.policies import find_policy
from lander_cli.recording import chosen, record
from lander_cli.scores import print_report
from lander_runtime.errors import CheckFailed, UsageError

if TYPE_CHECKING:
    from lander_runtime.spec import EnvSpec


class Render(StrEnum):
    """How to show the episodes while they are flown."""

    HUMAN = "human"


def eval_command(
    policy: Annotated[
        Path | None,
        typer.Argument(help="A policy file.", show_default="the newest run's, else the one that ships"),
    ] = None,
    episodes: Annotated[
        int, typer.Option(parser=whole_number(1), metavar="INTEGER", help="How many episodes.")
    ] = 10,
    seed: Annotated[
        int,
        typer.Option(
            parser=whole_number(0),
            metavar="INTEGER",
            help="Seed of the first episode; the next has the next.",
        ),
    ] = 1_000_000,
    gif: Annotated[
        Path | None,
        typer.Option(help="Where to record.", show_default="eval.gif; nothing with --json or --render"),
    ] = None,
    gif_episodes: Annotated[
        str | None,
        typer.Option(help="What to record: first, best, worst, all, none or a number.", show_default="first"),
    ] = None,
    sampled: Annotated[
        bool, typer.Option("--sampled", help="Draw actions instead of the greedy one.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object (lander.evaluation/1).")
    ] = False,
    workers: Annotated[
        str,
        typer.Option(
            parser=number_or_auto,
            metavar="N|auto",
            help="Processes to fly in; auto takes one for each core where there is enough to do.",
        ),
    ] = "auto",
    lanes: Annotated[
        int,
        typer.Option(
            parser=whole_number(1), metavar="INTEGER", help="Environments that each process steps together."
        ),
    ] = 32,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    fail_under: Annotated[float | None, typer.Option(help="Exit with 1 where the mean is lower.")] = None,
    render: Annotated[Render | None, typer.Option(help="Open a window and fly in it, one at a time.")] = None,
    report_folder: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write a page with pictures, DIR/index.html."),
    ] = None,
) -> None:
    """Score a policy with ONNX Runtime and record it.

    Episode i starts from seed + i, so everyone gets the same episodes, whatever the workers and lanes.
    """
    from lander_runtime.episodes import NOTHING
    from lander_runtime.evaluation import evaluate
    from lander_runtime.policy import Policy

    # Scripts that read JSON and people who watch a window get a GIF when they ask for one.
    unasked = gif is None and gif_episodes is None and (as_json or render is not None)
    wanted = "none" if unasked else "first" if gif_episodes is None else gif_episodes
    file = gif or Path("eval.gif")
    _check_request(wanted, file, fail_under)
    check_report(report_folder)
    path, origin = find_policy(policy)
    loaded = Policy.load(path, device)
    say(f"Evaluating {path} ({origin}) in {_env_in_words(loaded.info.env)} on {loaded.provider}")
    if loaded.device_note:
        say(loaded.device_note)
    album = album_for(report_folder, loaded.info.env)
    with episode_bar(episodes) as bar:
        report = evaluate(
            loaded,
            episodes=episodes,
            first_seed=seed,
            sampled=sampled,
            lanes=lanes,
            workers="auto" if workers == "auto" else int(workers),
            render_mode=None if render is None else render.value,
            keep=NOTHING if album is None else album.keep,
            observer=bar if album is None else Listeners(bar, album),
        )
    # Before the recording, which may fail: the scores are there by now.
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    for warning in report.warnings:
        say(warning)
    for recorded in record(loaded, report, chosen(wanted, report), file, sampled):
        say(f"Recorded {recorded}")
    if report_folder is not None and album is not None:
        say(f"Wrote {write_report(report_folder, loaded, report, album)}: open it in a browser")
    if fail_under is not None and not report.summary.mean_return >= fail_under:
        raise CheckFailed(f"The mean return {report.summary.mean_return:.2f} is under {fail_under:g}.")
    if episodes < 100:
        print_next("lander", "eval", path, "--episodes", "1000")
    else:
        print_next("lander", "inspect", path)


def _env_in_words(env: "EnvSpec") -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in env.kwargs.items())
    return f"{env.id}({arguments})" if arguments else env.id


def _check_request(wanted: str, file: Path, fail_under: float | None) -> None:
    """Refuse what would only fail after all episodes were flown."""
    from lander_runtime.files import check_writable

    if fail_under is not None and not math.isfinite(fail_under):
        raise UsageError(f"--fail-under {fail_under} is not a number that a mean can reach.")
    if file.suffix.lower() != ".gif":
        raise UsageError(f"--gif {file} should be a file whose name ends in .gif.")
    if wanted not in ("first", "best", "worst", "all", "none") and not (
        wanted.isdecimal() and int(wanted) > 0
    ):
        raise UsageError(
            f"--gif-episodes {wanted!r} is not known; choose first, best, worst, all, none or a number."
        )
    if wanted != "none":
        check_writable(file)
