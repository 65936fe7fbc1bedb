"""The options of `lander sweep`, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments.numbers import NUMBER_OR_AUTO, integer
from lander_cli.arguments.options import EngineName, json_flag

Space = Annotated[
    Path, typer.Argument(metavar="SPACE.toml", help="What is searched: settings and their ranges.")
]
Trials = Annotated[
    int,
    typer.Option(**integer(1), help="How many in all, those of earlier calls included."),
]
Jobs = Annotated[
    str,
    typer.Option(**NUMBER_OR_AUTO, help="Trials at a time; auto is one for each core."),
]
Seeds = Annotated[int, typer.Option(**integer(1), help="Training seeds of each trial.")]
Episodes = Annotated[int, typer.Option(**integer(1), help="Scored for each of these seeds.")]
Objective = Annotated[
    str,
    typer.Option(
        metavar="score|time|failures",
        help="The mean greedy score, the seconds to the environment's threshold, or the episodes under it.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The folder of pictures and preset.", show_default="sweeps/<name of the file>"
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Where the study is: a file, or an URL of Optuna, so that several machines share it.",
        show_default="study.log in --out",
    ),
]
Engine = Annotated[
    EngineName, typer.Option(help="Where trials run: in processes of this machine, or on a Ray cluster.")
]
AsJson = Annotated[bool, json_flag("lander.sweep/1")]
