"""`lander compare`: several policies on the same seeds, and which is better."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.arguments.contestants import Saved, Way, agreed_way, open_contestant, remarks
from lander_cli.arguments.numbers import MOST_EPISODES, number_or_auto, whole_number
from lander_cli.arguments.opening import Opened
from lander_cli.outputs.comparison import in_a_sentence, print_comparison
from lander_cli.outputs.short_names import short_names
from lander_cli.terminal.console import episode_bar, print_json, print_next, say
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.scores.verdict import Verdict
from lander_runtime.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lander_runtime.scores.comparison import Comparison
    from lander_runtime.scores.report import Report


def compare_command(
    policies: Annotated[
        list[Path],
        typer.Argument(
            metavar="POLICY",
            help="Two or more of: policy files, folders of runs, reports (.json) of lander eval --out; "
            "the first is the one to beat.",
        ),
    ],
    episodes: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(1, MOST_EPISODES),
            metavar="INTEGER",
            help="How many episodes each.",
            show_default="1000, or what a report has",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(0),
            metavar="INTEGER",
            help="Seed of the first episode; the next has the next.",
            show_default="1000000, or what a report has",
        ),
    ] = None,
    sampled: Annotated[
        bool, typer.Option("--sampled", help="Draw actions instead of the greedy one.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object (lander.comparison/1).")
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
    fail_if_worse: Annotated[
        bool,
        typer.Option("--fail-if-worse", help="Exit with 1 where one is shown to be worse than the first."),
    ] = False,
    env: Annotated[
        str | None,
        typer.Option(
            help="Environment to fly; files without lander's metadata need it.",
            show_default="the one that the files name",
        ),
    ] = None,
    env_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Argument of the environment; may be repeated."),
    ] = None,
) -> None:
    """Fly policies on the same seeds and say which is better, and by how much.

    Every policy is held against the first, episode by episode, so the first is the one to beat.
    """
    from lander_runtime.scores.comparison import check_same_environment, compare

    if len(policies) < 2:
        raise UsageError("Name two policies or more, the one to beat first: lander compare OLD NEW")
    loaded = [open_contestant(path, device, env, env_arg or []) for path in policies]
    if (env or env_arg) and not any(isinstance(opened, Opened) for opened in loaded):
        raise UsageError("These reports say what was flown. Leave out --env and --env-arg.")
    check_same_environment([(str(opened.path), opened.env) for opened in loaded])
    way = agreed_way(loaded, episodes, seed, sampled)
    names = short_names([opened.path for opened in loaded])
    _announce(loaded, names, way.episodes)
    reports = _fly(loaded, names, way, lanes, workers)
    comparison = compare(reports)
    if as_json:
        print_json(comparison.to_json())
    else:
        print_comparison(comparison, names)
    for warning in (*remarks(reports), *comparison.cautions(names)):
        say(warning)
    if fail_if_worse and comparison.worse:
        raise CheckFailed(" ".join(in_a_sentence(comparison, number, names) for number in comparison.worse))
    flown = [opened for opened in loaded if isinstance(opened, Opened)]
    print_next(*(_next(comparison, flown) if len(flown) == len(loaded) else ("lander", "inspect")))


def _announce(loaded: "Sequence[Opened | Saved]", names: list[str], episodes: int) -> None:
    first = next((opened for opened in loaded if isinstance(opened, Opened)), None)
    against = ", ".join(names[1:])
    where = loaded[0].env.id if first is None else first.in_words
    on = "" if first is None else f" on {first.policy.provider}"
    say(f"Comparing {against} with {names[0]} in {where} over {counted(episodes, 'episode')} each{on}")
    digests: dict[str, str] = {}
    for opened, name in zip(loaded, names, strict=True):
        if name != str(opened.path):
            say(f"{name} is {opened.path}")
        assumptions = opened.report.assumptions if isinstance(opened, Saved) else opened.policy.assumptions
        for assumption in assumptions:
            say(f"Assumed of {name}: {assumption}")
    if first is not None and first.policy.device_note:
        say(first.policy.device_note)
    for opened, name in zip(loaded, names, strict=True):
        if isinstance(opened, Opened):
            same = digests.setdefault(opened.policy.sha256, name)
            if same != name:
                say(f"{name} is the same file as {same}, so it is not flown again.")


def _fly(
    loaded: "Sequence[Opened | Saved]", names: list[str], way: Way, lanes: int, workers: str
) -> "list[Report]":
    """A report for each; equal files are flown once, and what is saved is not."""
    from lander_runtime.evaluation.evaluate import evaluate

    flown: dict[str, Report] = {}
    different = {opened.policy.sha256 for opened in loaded if isinstance(opened, Opened)}
    with episode_bar(way.episodes * len(different)) as bar:
        for opened, name in zip(loaded, names, strict=True):
            if isinstance(opened, Opened) and opened.policy.sha256 not in flown:
                bar.describe(name)
                flown[opened.policy.sha256] = evaluate(
                    opened.policy,
                    opened.env,
                    episodes=way.episodes,
                    first_seed=way.seed,
                    sampled=way.sampled,
                    lanes=lanes,
                    workers="auto" if workers == "auto" else int(workers),
                    observer=bar,
                )
    return [
        opened.report
        if isinstance(opened, Saved)
        else replace(flown[opened.policy.sha256], policy_path=str(opened.path))
        for opened in loaded
    ]


def _next(comparison: "Comparison", loaded: list[Opened]) -> list[object]:
    """More episodes where nothing is shown yet; else the better one's worst loss, to look at."""
    paths, options = [opened.path for opened in loaded], loaded[0].options
    verdicts = [found.verdict for found in comparison.differences]
    seed, sampled = (
        comparison.first_seed,
        [] if comparison.reports[0].summary.deterministic else ["--sampled"],
    )
    if Verdict.NOT_SHOWN in verdicts:
        episodes = max(1000, 4 * comparison.episodes)  # Four times as many halve an interval.
        where = [] if seed == 1_000_000 else ["--seed", seed]
        return ["lander", "compare", *paths, *options, "--episodes", episodes, *where, *sampled]
    means = [report.summary.mean_return for report in comparison.reports]
    best = means.index(max(means))
    if best == 0:
        shown = verdicts.index(Verdict.WORSE) if Verdict.WORSE in verdicts else None
        lost = () if shown is None else comparison.differences[shown].largest_wins
    else:
        lost = comparison.differences[best - 1].largest_losses
    if not lost and not loaded[best].policy.assumptions:
        return ["lander", "inspect", paths[best]]
    seed = lost[0].seed if lost else seed
    return ["lander", "eval", paths[best], *options, "--episodes", 1, "--seed", seed, *sampled]
