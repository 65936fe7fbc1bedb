"""The options that commands share, and those of eval, compare and merge, each declared once."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lander_cli.arguments import completion
from lander_cli.arguments.numbers import MOST_EPISODES, NUMBER_OR_AUTO, integer
from lander_runtime.errors import UsageError


class Render(StrEnum):
    """How to show episodes while they run."""

    HUMAN = "human"


class EngineName(StrEnum):
    """What runs the episodes."""

    PROCESSES = "processes"
    RAY = "ray"


def json_flag(schema: str) -> Any:
    """The option `--json` of a command that prints an object of `schema`."""
    return typer.Option("--json", help=f"Print one JSON object ({schema}).")


def worker_count(workers: str) -> int | Literal["auto"]:
    """The value of `--workers`."""
    return "auto" if workers == "auto" else int(workers)


def shown(render: Render | None) -> Literal["human"] | None:
    """The value of `--render`."""
    return None if render is None else "human"


def reachable(fail_under: float | None) -> float | None:
    """The value of `--fail-under`, a finite number: every mean is below infinity and none is below NaN.

    Raises:
        UsageError: it is not finite.
    """
    if fail_under is not None and not math.isfinite(fail_under):
        raise UsageError(f"--fail-under {fail_under} is not a number that a mean can reach.")
    return fail_under


# Which policies

PolicyFile = Annotated[
    Path | None,
    typer.Argument(
        help="A policy file, or the name of a policy that ships (lander models).",
        show_default="the newest run's, else the one that ships",
        autocompletion=completion.policies,
    ),
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

_COUNT = integer(1, MOST_EPISODES)
_SEED = {**integer(0), "help": "Seed of the first episode; each further one adds 1."}

Episodes = Annotated[int, typer.Option(**_COUNT, help="How many episodes.")]

Seed = Annotated[int, typer.Option(**_SEED)]

ComparedEpisodes = Annotated[
    int | None,
    typer.Option(**_COUNT, help="How many episodes each.", show_default="1000, or what a report has"),
]

ComparedSeed = Annotated[int | None, typer.Option(**_SEED, show_default="1000000, or what a report has")]

Sampled = Annotated[
    bool, typer.Option("--sampled", help="Draw actions from the policy's distribution, not the greedy one.")
]

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

Wrap = Annotated[
    str | None,
    typer.Option(
        metavar="JSON",
        help="Wrappers around the environment of a file without lander's metadata, innermost first, such as "
        """'[{"name": "FrameStackObservation", "kwargs": {"stack_size": 4}}]', or names with commas.""",
    ),
]

Import = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="Import this module, because it registers the environment; may be repeated.",
    ),
]

TimeLimit = Annotated[
    int | None,
    typer.Option(
        "--max-episode-steps",
        **integer(1),
        help="Steps after which an episode is truncated.",
        show_default="the limit of the file or of the environment",
    ),
]

Output = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which output is the action, if the file does not make it clear."),
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

Large = Annotated[
    bool,
    typer.Option(
        "--large",
        help="Open a policy file of 64 to 512 MB too, and a network of more memory and work than is usual.",
    ),
]

Normalizer = Annotated[
    Path | None,
    typer.Option(
        "--normalizer",
        "--vecnormalize",
        metavar="FILE",
        help="Statistics that normalise the observations of a file without lander's metadata: an .npz with "
        "mean and var, or a VecNormalize pickle.",
    ),
]

NormalizerEpsilon = Annotated[
    float | None, typer.Option(metavar="NUMBER", help="Its epsilon.", show_default="that file's, else 1e-8")
]

NormalizerClip = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER", help="Largest absolute value after it.", show_default="that file's, else 10"
    ),
]

PixelScale = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", help="What such a file's pixels are divided by before it, such as 255."),
]

# On what

Workers = Annotated[
    str,
    typer.Option(
        **NUMBER_OR_AUTO, help="Processes; auto takes one for each core if there are enough episodes."
    ),
]

Lanes = Annotated[
    int,
    typer.Option(**integer(1), help="Environment copies that each process steps together."),
]

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]

Engine = Annotated[
    EngineName, typer.Option(help="What runs the episodes: processes of this machine, or a Ray cluster.")
]

RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address of an existing cluster, such as auto.",
        show_default="a new one on this machine",
    ),
]

# What is written and shown

Gif = Annotated[
    Path | None,
    typer.Option(
        help="The GIF to record; none for no GIF.",
        show_default="eval.gif; nothing with --json, --out, --shard or --render",
    ),
]

Mp4 = Annotated[
    Path | None,
    typer.Option(help="An MP4 to record, in place of the GIF or beside it; needs the extra 'video'."),
]

GifEpisodes = Annotated[
    str | None,
    typer.Option(help="Episodes to record: first, best, worst, all, none or a number.", show_default="first"),
]

RenderEpisodes = Annotated[Render | None, typer.Option(help="Show the episodes in a window, one at a time.")]

SaveReplay = Annotated[
    Path | None,
    typer.Option(help="Write seeds, actions and rewards to this .jsonl.gz file, for: lander replay"),
]

Out = Annotated[Path | None, typer.Option(help="Write the object of --json to this .json file.")]

MergedOut = Annotated[Path | None, typer.Option(help="Write that object to this .json file.")]

ReportFolder = Annotated[
    Path | None,
    typer.Option("--report", metavar="DIR", help="Write a report page with pictures to DIR/index.html."),
]

# When to fail

FailUnder = Annotated[
    float | None, typer.Option(callback=reachable, help="Exit with code 1 if the mean return is lower.")
]

FailIfWorse = Annotated[
    bool, typer.Option("--fail-if-worse", help="Exit with code 1 if one is shown to be worse.")
]
