"""The options of `lander push` and `lander pull`, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments import completion
from lander_cli.arguments.options import json_flag

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[RUN|POLICY] USER/NAME",
        help="What to push, by default the newest run's policy; and the repository.",
        autocompletion=completion.policies,
    ),
]
Private = Annotated[bool, typer.Option("--private", help="Of a new repository: others cannot see it.")]
Replay = Annotated[Path | None, typer.Option(help="A file of lander eval --save-replay, to go with it.")]
CheckFirst = Annotated[
    bool,
    typer.Option("--check/--no-check", help="Measure the claimed score again on its own seeds first."),
]
PushJson = Annotated[bool, json_flag("lander.push/1")]
Repository = Annotated[str, typer.Argument(metavar="USER/NAME", help="The repository.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Where its files go; those of the same names are replaced.",
        show_default="hub/USER/NAME",
    ),
]
Revision = Annotated[str | None, typer.Option(help="A branch, tag or commit.", show_default="the newest")]
File = Annotated[str | None, typer.Option("--file", help="The model, where the repository has several.")]
Check = Annotated[
    bool, typer.Option("--check", help="Measure the claimed score again on its own seeds; 1 where it fails.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Take what is in this machine's cache.")]
PullJson = Annotated[bool, json_flag("lander.pull/1")]
