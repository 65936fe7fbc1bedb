"""`lander eval`: score a policy file over N episodes, and show what it does."""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from lander_cli.console import episode_bar, out, pairs, print_json, print_next, say
from lander_cli.numbers import whole_number
from lander_cli.policies import find_policy
from lander_runtime.errors import CheckFailed, UsageError

if TYPE_CHECKING:
    from lander_runtime.policy import Policy
    from lander_runtime.report import Report
    from lander_runtime.spec import EnvSpec

_FEW = 20
"""Up to this many episodes are listed one by one."""


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
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    fail_under: Annotated[float | None, typer.Option(help="Exit with 1 where the mean is lower.")] = None,
    render: Annotated[Render | None, typer.Option(help="Open a window and fly in it, one at a time.")] = None,
) -> None:
    """Score a policy with ONNX Runtime and record it.

    Episode i starts from seed + i, so everyone gets the same episodes.
    """
    from lander_runtime.evaluation import evaluate
    from lander_runtime.policy import Policy

    # Scripts that read JSON and people who watch a window get a GIF when they ask for one.
    unasked = gif is None and gif_episodes is None and (as_json or render is not None)
    wanted = "none" if unasked else "first" if gif_episodes is None else gif_episodes
    file = gif or Path("eval.gif")
    _check_request(wanted, file, fail_under)
    path, origin = find_policy(policy)
    loaded = Policy.load(path, device)
    say(f"Evaluating {path} ({origin}) in {_env_in_words(loaded.info.env)} on {loaded.provider}")
    if loaded.device_note:
        say(loaded.device_note)
    with episode_bar(episodes) as bar:
        report = evaluate(
            loaded,
            episodes=episodes,
            first_seed=seed,
            sampled=sampled,
            render_mode=None if render is None else render.value,
            observer=bar,
        )
    # Before the recording, which may fail: the scores are there by now.
    if as_json:
        print_json(report.to_json())
    else:
        _print_report(report)
    for recorded in _record(loaded, report, _chosen(wanted, report), file, sampled):
        say(f"Recorded {recorded}")
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


def _chosen(wanted: str, report: "Report") -> list[int]:
    """The indices of the episodes to record."""
    indices = range(len(report.returns))
    if wanted in ("best", "worst"):
        pick = max if wanted == "best" else min
        return [pick(indices, key=report.returns.__getitem__)]
    counts = {"none": 0, "first": 1, "all": len(indices)}
    return list(indices[: counts[wanted] if wanted in counts else int(wanted)])


def _record(policy: "Policy", report: "Report", chosen: list[int], file: Path, sampled: bool) -> list[Path]:
    """Fly the chosen episodes again with a camera, and hold each against what was reported."""
    if not chosen:
        return []
    from lander_runtime.evaluation import actor_of
    from lander_runtime.record import record_episode

    actor = actor_of(policy, sampled=sampled)
    recorded = []
    with episode_bar(len(chosen)) as bar:
        for index in chosen:
            seed = report.summary.first_seed + index
            path = file if len(chosen) == 1 else file.with_name(f"{file.stem}-{seed}{file.suffix}")
            episode = record_episode(actor, report.env, seed, path)
            if episode.return_ != report.returns[index]:
                path.unlink()
                raise CheckFailed(
                    f"Episode {index} returned {report.returns[index]:.2f} and, flown again for the GIF, "
                    f"{episode.return_:.2f}: this environment does not repeat itself from a seed."
                )
            recorded.append(path)
            bar.on_episode(episode)
    return recorded


def _print_report(report: "Report") -> None:
    console, summary = out(), report.summary
    if summary.episodes <= _FEW:
        table = Table(box=None, pad_edge=False)
        for heading in ("episode", "seed", "return", "steps"):
            table.add_column(heading, justify="right")
        table.add_column("outcome")
        for index, values in enumerate(zip(report.returns, report.lengths, report.outcomes, strict=True)):
            value, length, outcome = values
            table.add_row(str(index), str(summary.first_seed + index), f"{value:.1f}", str(length), outcome)
        console.print(table)
        console.print()
    rows = [("mean return", f"{summary.mean_return:.1f} ± {summary.std_return:.1f}")]
    if summary.ci95 is not None:
        rows.append(("95% interval", f"{summary.ci95[0]:.1f} to {summary.ci95[1]:.1f}"))
    rows.append(
        ("range", f"{summary.min_return:.1f} to {summary.max_return:.1f}, IQM {summary.iqm_return:.1f}")
    )
    if summary.success_rate is not None:
        threshold = report.env.reward_threshold
        rows.append(("success", f"{summary.success_rate:.1%} of episodes at {threshold:g} or more"))
    counts = {outcome: report.outcomes.count(outcome) for outcome in dict.fromkeys(report.outcomes)}
    rows.append(("outcomes", ", ".join(f"{count} {outcome}" for outcome, count in counts.items())))
    rows.append(("speed", f"{report.steps_per_second:,.0f} steps/s on {report.provider}"))
    console.print(pairs(rows))
