"""Every option that commands share, and all of those that score policies: declared once, used by name."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lander_cli.arguments.numbers import MOST_EPISODES, number_or_auto, whole_number
from lander_runtime.errors import UsageError


class Render(StrEnum):
    """How to show the episodes while they run."""

    HUMAN = "human"


class EngineName(StrEnum):
    """What runs the episodes."""

    PROCESSES = "processes"
    RAY = "ray"


def json_flag(schema: str) -> Any:
    """The option `--json` of a command that prints an object of `schema`."""
    return typer.Option("--json", help=f"Print one JSON object ({schema}).")


def worker_count(workers: str) -> int | Literal["auto"]:
    """What `--workers` means."""
    return "auto" if workers == "auto" else int(workers)


def shown(render: Render | None) -> Literal["human"] | None:
    """What `--render` means."""
    return None if render is None else "human"


def reachable(fail_under: float | None) -> float | None:
    """`--fail-under`, which every mean would pass or fail if it were no finite number.

    Raises:
        UsageError: it is none.
    """
    if fail_under is not None and not math.isfinite(fail_under):
        raise UsageError(f"--fail-under {fail_under} is not a number that a mean can reach.")
    return fail_under


# Which policies

PolicyFile = Annotated[
    Path | None,
    typer.Argument(help="A policy file.", show_default="the newest run's, else the one that ships"),
]

ComparedPolicies = Annotated[
    list[Path],
    typer.Argument(
        metavar="POLICY",
        help="Two or more of: policy files, folders of runs, reports (.json) of lander eval --out; "
        "the first is the one to beat.",
    ),
]

Reports = Annotated[
    list[Path], typer.Argument(help="Reports of shards, in any order, or folders that hold them.")
]

# Which episodes

_COUNT: dict[str, Any] = {"parser": whole_number(1, MOST_EPISODES), "metavar": "INTEGER"}
_SEED: dict[str, Any] = {
    "parser": whole_number(0),
    "metavar": "INTEGER",
    "help": "Seed of the first episode; the next has the next.",
}

Episodes = Annotated[int, typer.Option(**_COUNT, help="How many episodes.")]

Seed = Annotated[int, typer.Option(**_SEED)]

ComparedEpisodes = Annotated[
    int | None,
    typer.Option(**_COUNT, help="How many episodes each.", show_default="1000, or what a report has"),
]

ComparedSeed = Annotated[int | None, typer.Option(**_SEED, show_default="1000000, or what a report has")]

Sampled = Annotated[bool, typer.Option("--sampled", help="Draw actions instead of the greedy one.")]

ShardText = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Run one of N parts only; lander merge puts their reports together. "
        "Without --out or --json the report goes to shards/I-of-N.json.",
    ),
]

# In which environment

Env = Annotated[
    str | None,
    typer.Option(
        help="Environment to run; a file without lander's metadata needs it.",
        show_default="the one that the file names",
    ),
]

EnvArg = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Argument of the environment; may be repeated."),
]

Output = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which output is the action, where a file does not make it clear."),
]

ActionRange = Annotated[
    str | None,
    typer.Option(
        metavar="env|LOW,HIGH",
        help="What a file's continuous actions are: in the environment's units, or within LOW and HIGH, to "
        "be scaled to its bounds.",
    ),
]

Stateless = Annotated[
    bool, typer.Option("--stateless", help="Run a recurrent policy whose memory is not in the file.")
]

# On what

Workers = Annotated[
    str,
    typer.Option(
        parser=number_or_auto,
        metavar="N|auto",
        help="Processes to run in; auto takes one for each core where there is enough to do.",
    ),
]

Lanes = Annotated[
    int,
    typer.Option(
        parser=whole_number(1), metavar="INTEGER", help="Environments that each process steps together."
    ),
]

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]

Engine = Annotated[
    EngineName, typer.Option(help="What runs the episodes: processes of this machine, or a Ray cluster.")
]

RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="An existing cluster, such as auto.", show_default="one of this machine"
    ),
]

# What is written and shown

Gif = Annotated[
    Path | None,
    typer.Option(
        help="Where to record.", show_default="eval.gif; nothing with --json, --out, --shard or --render"
    ),
]

GifEpisodes = Annotated[
    str | None,
    typer.Option(help="What to record: first, best, worst, all, none or a number.", show_default="first"),
]

RenderEpisodes = Annotated[Render | None, typer.Option(help="Open a window and run in it, one at a time.")]

SaveReplay = Annotated[
    Path | None,
    typer.Option(help="Keep seeds, actions and rewards in this .jsonl.gz, for: lander replay"),
]

Out = Annotated[Path | None, typer.Option(help="Where to write the object of --json to.")]

MergedOut = Annotated[Path | None, typer.Option(help="Where to write that object to.")]

ReportFolder = Annotated[
    Path | None,
    typer.Option("--report", metavar="DIR", help="Write a page with pictures, DIR/index.html."),
]

# When to fail

FailUnder = Annotated[
    float | None, typer.Option(callback=reachable, help="Exit with 1 where the mean is lower.")
]

FailIfWorse = Annotated[
    bool, typer.Option("--fail-if-worse", help="Exit with 1 where one is shown to be worse than the first.")
]

# Of a replay

ReplayFile = Annotated[Path, typer.Argument(help="A file of lander eval --save-replay.")]

ReplayGif = Annotated[
    Path | None, typer.Option(help="Draw a GIF; for several episodes one each, named by seed.")
]

ReplayMp4 = Annotated[Path | None, typer.Option(help="Draw an MP4 likewise; takes the extra 'video'.")]

ReplayRender = Annotated[Render | None, typer.Option(help="Draw in a window.")]

ReplayEpisodes = Annotated[
    str | None,
    typer.Option(
        help="Which: all, first, best, worst, a number, or seeds with commas.",
        show_default="all; the first where something is drawn",
    ),
]

Size = Annotated[str, typer.Option(help="Size of the pictures: 1200x800, or a factor such as 2 or 0.5.")]

Speed = Annotated[float, typer.Option(help="How fast to draw; 1 is the environment's own pace.")]
