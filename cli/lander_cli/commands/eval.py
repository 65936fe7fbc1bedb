"""`lander eval`: score a policy file over N episodes, and show what it does."""

import math
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments.engines import EngineName, chosen_engine
from lander_cli.arguments.numbers import MOST_EPISODES, number_or_auto, whole_number
from lander_cli.arguments.opening import open_named
from lander_cli.arguments.shards import check_json, file_of, parse_shard
from lander_cli.outputs.observers import Listeners
from lander_cli.outputs.pages import check_page, page_observer_for, write_page_of
from lander_cli.outputs.recording import chosen, record
from lander_cli.outputs.replay_saving import check_replay_file, saving
from lander_cli.outputs.scores import print_report
from lander_cli.terminal.console import episode_bar, print_json, print_next, say
from lander_runtime.errors import CheckFailed, UsageError


class Render(StrEnum):
    """How to show the episodes while they are flown."""

    HUMAN = "human"


def eval_command(
    policy: Annotated[
        Path | None,
        typer.Argument(help="A policy file.", show_default="the newest run's, else the one that ships"),
    ] = None,
    episodes: Annotated[
        int, typer.Option(parser=whole_number(1, MOST_EPISODES), metavar="INTEGER", help="How many episodes.")
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
        typer.Option(
            help="Where to record.", show_default="eval.gif; nothing with --json, --out, --shard or --render"
        ),
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
            help="Processes to run in; auto takes one for each core where there is enough to do.",
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
    env: Annotated[
        str | None,
        typer.Option(
            help="Environment to fly; a file without lander's metadata needs it.",
            show_default="the one that the file names",
        ),
    ] = None,
    env_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Argument of the environment; may be repeated."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which output is the action, where a file does not make it clear."),
    ] = None,
    save_replay: Annotated[
        Path | None,
        typer.Option(help="Keep seeds, actions and rewards in this .jsonl.gz, for: lander replay"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the object of --json to.")] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Fly one of N parts only; lander merge puts their reports together. "
            "Without --out or --json the report goes to shards/I-of-N.json.",
        ),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(help="What flies: processes of this machine, or a Ray cluster.")
    ] = EngineName.PROCESSES,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="An existing cluster, such as auto.", show_default="one of this machine"
        ),
    ] = None,
    report_folder: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write a page with pictures, DIR/index.html."),
    ] = None,
) -> None:
    """Score a policy with ONNX Runtime and record it.

    Episode i starts from seed + i, so everyone gets the same episodes, whatever the workers and lanes.
    """
    from lander_runtime.evaluation.evaluate import evaluate
    from lander_runtime.policy.policy import Policy
    from lander_runtime.scores.report_file import write_report

    if render is not None and engine is EngineName.RAY:
        raise UsageError("--render flies in this process, where the window is. Leave out --engine ray.")
    if render is not None and workers not in ("auto", "1"):
        raise UsageError("--render flies in this process, where the window is. Leave out --workers.")
    part = None if shard is None else parse_shard(shard, seed, episodes)
    if part is not None:
        seed, episodes = part.seeds.start, len(part.seeds)
        out = file_of(part) if out is None and not as_json else out
    # Scripts that read JSON and people who watch a window get a GIF when they ask for one.
    unasked = (
        gif is None
        and gif_episodes is None
        and (as_json or render is not None or out is not None or part is not None)
    )
    wanted = "none" if unasked else "first" if gif_episodes is None else gif_episodes
    file = gif or Path("eval.gif")
    _check_request(wanted, file, fail_under, out)
    check_page(report_folder)
    check_replay_file(save_replay)
    opened = open_named(policy, device, env, env_arg or [], output)
    loaded, path = opened.policy, opened.path
    say(f"Evaluating {path} ({opened.origin}) in {opened.in_words} on {loaded.provider}")
    if loaded.device_note:
        say(loaded.device_note)
    for assumption in loaded.assumptions:
        say(f"Assumed: {assumption}")
    observed = page_observer_for(report_folder, opened.env)
    with (
        episode_bar(episodes) as bar,
        chosen_engine(engine, ray_address, workers, bar) as flyer,
        saving(save_replay, loaded, opened.env, seed, episodes, sampled) as replay,
    ):
        listeners = Listeners(bar, replay, observed)
        report = evaluate(
            loaded,
            opened.env,
            episodes=episodes,
            first_seed=seed,
            sampled=sampled,
            lanes=lanes,
            workers="auto" if workers == "auto" else int(workers),
            render_mode=None if render is None else render.value,
            keep=listeners.keep,
            observer=listeners,
            engine=flyer,
        )
    report = replace(report, shard=part)
    if out is not None:
        write_report(out, report)
        say(f"Wrote {out}")
    # Before the recording, which may fail: the scores are there by now.
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    for warning in report.warnings:
        say(warning)
    if save_replay is not None:
        say(f"Kept every step in {save_replay}")
    for recorded in record(loaded, report, chosen(wanted, report), file, sampled):
        say(f"Recorded {recorded}")
    if report_folder is not None and observed is not None:
        page = write_page_of(report_folder, loaded, report, observed, opened.options)
        say(f"Wrote {page}: open it in a browser")
    if fail_under is not None and not report.summary.mean_return >= fail_under:
        raise CheckFailed(f"The mean return {report.summary.mean_return:.2f} is under {fail_under:g}.")
    if part is not None and out is not None:
        print_next("lander", "merge", out.parent)
    elif save_replay is not None:
        print_next("lander", "replay", save_replay)
    elif episodes < 100:
        print_next("lander", "eval", path, *opened.options, "--episodes", "1000")
    elif not isinstance(loaded, Policy):
        print_next("lander", "eval", path, *opened.options, "--gif-episodes", "worst")
    else:
        print_next("lander", "inspect", path)


def _check_request(wanted: str, file: Path, fail_under: float | None, out: Path | None) -> None:
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
    check_json(out)
    for written in (file if wanted != "none" else None, out):
        if written is not None:
            check_writable(written)
