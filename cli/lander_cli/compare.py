"""`lander compare`: several policies on the same seeds, and which is better."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.console import episode_bar, print_json, print_next, say
from lander_cli.duel import in_a_sentence, print_comparison
from lander_cli.numbers import MOST_EPISODES, number_or_auto, whole_number
from lander_cli.opening import Opened, open_named
from lander_cli.short_names import short_names
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.verdict import Verdict
from lander_runtime.words import counted

if TYPE_CHECKING:
    from lander_runtime.comparison import Comparison
    from lander_runtime.report import Report


def compare_command(
    policies: Annotated[
        list[Path],
        typer.Argument(
            metavar="POLICY",
            help="Two policy files or more, or folders of runs; the first is the one to beat.",
        ),
    ],
    episodes: Annotated[
        int,
        typer.Option(
            parser=whole_number(1, MOST_EPISODES), metavar="INTEGER", help="How many episodes each."
        ),
    ] = 1000,
    seed: Annotated[
        int,
        typer.Option(
            parser=whole_number(0),
            metavar="INTEGER",
            help="Seed of the first episode; the next has the next.",
        ),
    ] = 1_000_000,
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
    from lander_runtime.comparison import check_same_environment, compare

    if len(policies) < 2:
        raise UsageError("Name two policies or more, the one to beat first: lander compare OLD NEW")
    loaded = [open_named(path, device, env, env_arg or [], None) for path in policies]
    check_same_environment([(str(opened.path), opened.env) for opened in loaded])
    names = short_names([opened.path for opened in loaded])
    _announce(loaded, names, episodes)
    reports = _fly(loaded, names, episodes, seed, sampled, lanes, workers)
    comparison = compare(reports)
    if as_json:
        print_json(comparison.to_json())
    else:
        print_comparison(comparison, names)
    for warning in comparison.cautions(names):
        say(warning)
    if fail_if_worse and comparison.worse:
        raise CheckFailed(" ".join(in_a_sentence(comparison, number, names) for number in comparison.worse))
    print_next(*_next(comparison, loaded))


def _announce(loaded: list[Opened], names: list[str], episodes: int) -> None:
    first = loaded[0]
    against = ", ".join(names[1:])
    say(
        f"Comparing {against} with {names[0]} in {first.in_words} "
        f"over {counted(episodes, 'episode')} each on {first.policy.provider}"
    )
    for opened, name in zip(loaded, names, strict=True):
        if name != str(opened.path):
            say(f"{name} is {opened.path}")
        for assumption in opened.policy.assumptions:
            say(f"Assumed of {name}: {assumption}")
    if first.policy.device_note:
        say(first.policy.device_note)
    digests = [opened.policy.sha256 for opened in loaded]
    for number, digest in enumerate(digests):
        same = digests.index(digest)
        if same != number:
            say(f"{names[number]} is the same file as {names[same]}, so it is not flown again.")


def _fly(
    loaded: list[Opened],
    names: list[str],
    episodes: int,
    seed: int,
    sampled: bool,
    lanes: int,
    workers: str,
) -> "list[Report]":
    """A report for each policy; equal files are flown once."""
    from lander_runtime.evaluation import evaluate

    flown: dict[str, Report] = {}
    with episode_bar(episodes * len({opened.policy.sha256 for opened in loaded})) as bar:
        for opened, name in zip(loaded, names, strict=True):
            if opened.policy.sha256 not in flown:
                bar.describe(name)
                flown[opened.policy.sha256] = evaluate(
                    opened.policy,
                    opened.env,
                    episodes=episodes,
                    first_seed=seed,
                    sampled=sampled,
                    lanes=lanes,
                    workers="auto" if workers == "auto" else int(workers),
                    observer=bar,
                )
    return [replace(flown[opened.policy.sha256], policy_path=str(opened.path)) for opened in loaded]


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
