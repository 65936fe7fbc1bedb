"""The options of `lander serve`, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments.numbers import integer

ServedPolicies = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="POLICY",
        help="Policy files, or folders with some.",
        show_default="the newest run's, else the one that ships",
    ),
]

Host = Annotated[
    str, typer.Option(help="Address to listen at; another than 127.0.0.1 can be reached from elsewhere.")
]

Port = Annotated[
    int,
    typer.Option(**integer(0, 65_535), help="Port; 0 takes any that is free."),
]

MaxBatch = Annotated[int, typer.Option(**integer(1), help="Observations in one request or run.")]

MaxWaiting = Annotated[
    int,
    typer.Option(**integer(1), help="Observations that may wait; beyond, the answer is 503."),
]
