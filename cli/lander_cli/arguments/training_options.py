"""The options of `lander train`, `export` and `plot`, each declared once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments import completion
from lander_cli.arguments.numbers import NUMBER_OR_AUTO, integer
from lander_cli.arguments.options import EngineName

Env = Annotated[
    str | None,
    typer.Argument(
        help="Gymnasium's id of the environment.",
        show_default="LunarLander-v3",
        autocompletion=completion.environment_ids,
    ),
]
SettingName = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="A setting.", show_default="all", autocompletion=completion.setting_names
    ),
]
Steps = Annotated[str | None, typer.Option(help="Environment steps, such as 1_000_000 or 1e6.")]
Seed = Annotated[int | None, typer.Option(help="Seeds weights, actions and environments.", show_default="1")]
Preset = Annotated[
    str | None,
    typer.Option(
        help="Named settings: default, best, notebook.",
        show_default="default",
        autocompletion=completion.preset_names,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting (lander settings lists them); may be repeated.",
        autocompletion=completion.assignments,
    ),
]
EnvArg = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An argument of the environment, such as enable_wind=true; may be repeated.",
    ),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda.")]
Backend = Annotated[str | None, typer.Option(help="auto, gymnasium, envpool or native.")]
Init = Annotated[
    Path | None,
    typer.Option(
        metavar="POLICY|CHECKPOINT",
        help="Start from the weights in a policy file, a checkpoint or a run's folder.",
        autocompletion=completion.runs,
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:NAME",
        help="A network of your own: a class or function that makes a torch.nn.Module.",
    ),
]
RunFolder = Annotated[
    Path | None, typer.Option("--out", help="The run's folder.", show_default="runs/<env>/<number>")
]
Target = Annotated[
    float | None, typer.Option(metavar="SCORE", help="Stop when the mean of a selection reaches this.")
]
Time = Annotated[
    str | None,
    typer.Option(
        help="Train for this time, such as 60s or 1h30m, with a schedule that fits; earlier parts of a "
        "resumed run count."
    ),
]
Resume = Annotated[
    Path | None, typer.Option(help="Go on with the run in this folder.", autocompletion=completion.runs)
]
Log = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Log to tensorboard, wandb or trackio too; may be repeated."),
]
WatchTraining = Annotated[
    bool,
    typer.Option(
        "--watch",
        help="Draw an episode of the policy on the terminal now and then; --time does not count it.",
    ),
]
Seeds = Annotated[
    int | None,
    typer.Option(
        help="Train with so many seeds, --seed the first; the run that selection likes best is exported.",
        show_default="one run",
    ),
]
Jobs = Annotated[
    str | None,
    typer.Option(
        **NUMBER_OR_AUTO,
        help="Trainings at a time, with --seeds.",
        show_default="one for each core",
    ),
]
SeedsEngine = Annotated[
    EngineName | None,
    typer.Option(
        "--engine",
        help="Where they run: in processes of this machine, or on a Ray cluster.",
        show_default="processes",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Format(StrEnum):
    """What an export writes."""

    ONNX = "onnx"
    C = "c"
    TRITON = "triton"


Checkpoint = Annotated[
    Path | None,
    typer.Argument(
        help="A run's folder, a checkpoint, a zip of Stable-Baselines3 or a state dict; for --format c "
        "and triton, --half and --int8 a policy file.",
        show_default="the newest run",
        autocompletion=completion.runs,
    ),
]
ExportFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        help="onnx: a policy file; c: one C header, for a network that is an MLP; triton: a policy file as a "
        "model of Triton.",
    ),
]
Half = Annotated[
    bool,
    typer.Option(
        "--half", help="A policy file in float16, if it acts like the one in float32 and scores as well."
    ),
]
Int8 = Annotated[
    bool, typer.Option("--int8", help="The same with weights and layers' inputs in 8-bit integers.")
]
PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The file.",
        show_default="policy.onnx beside the checkpoint, policy.h, triton/, NAME-half.onnx, NAME-int8.onnx",
    ),
]
ExportName = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="What all names in a C header begin with, or the name of a Triton model.",
        show_default="policy; the file's or its folder's",
    ),
]
Episodes = Annotated[
    int,
    typer.Option(**integer(0), help="Episodes to score it over; 0 for none."),
]
StateDictEnv = Annotated[str | None, typer.Option(help="The environment of another library's file.")]
Activation = Annotated[
    str | None,
    typer.Option(
        help="Of a bare state dict: tanh, relu, elu or silu.", show_default="its library's, else tanh"
    ),
]
Normalizer = Annotated[
    str | None,
    typer.Option(
        "--normalizer",
        "--vecnormalize",
        metavar="FILE|checkpoint|none",
        help="What normalises the observations: an .npz with mean and var or a VecNormalize pickle, what the "
        "checkpoint holds, or nothing.",
    ),
]
NormalizerEpsilon = Annotated[
    float | None, typer.Option(metavar="NUMBER", help="Its epsilon.", show_default="its library's")
]
NormalizerClip = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", help="Largest absolute value after it.", show_default="its library's"),
]
PixelScale = Annotated[
    float | None, typer.Option(metavar="NUMBER", help="What a state dict's pixels are divided by: 255 or 1.")
]
Squash = Annotated[
    str | None,
    typer.Option(
        metavar="tanh|clip|none",
        help="What brings a state dict's continuous actions to the bounds: tanh, or a clip to [-1, 1], and "
        "rescaling; or nothing.",
    ),
]
Gif = Annotated[bool, typer.Option(help="Record the first scored episode.")]
License = Annotated[
    str | None,
    typer.Option(
        "--license", help="Licence to state in the file.", show_default="MIT; unknown for a state dict"
    ),
]


class Axis(StrEnum):
    """The horizontal axis of a plot."""

    STEPS = "steps"
    SECONDS = "seconds"


Runs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="RUN",
        help="Folders of runs, or folders that hold some.",
        show_default="the newest run",
    ),
]
Picture = Annotated[Path, typer.Option("--out", help="The picture, .png or .svg.")]
Over = Annotated[Axis, typer.Option(help="Horizontal axis: environment steps or seconds of training.")]
Group = Annotated[
    bool, typer.Option("--group", help="Draw runs that differ only in the seed as a mean and a band.")
]
