"""The options of `lander verify` and `lander replay`, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

from lander_cli.arguments.numbers import MOST_EPISODES, integer
from lander_cli.arguments.options import Render

# Of a verification

FreshEpisodes = Annotated[
    int,
    typer.Option(
        **integer(0, MOST_EPISODES),
        help="Compare the claimed score with this many fresh episodes, such as 100; 0 for none.",
    ),
]

AllRuntimes = Annotated[
    bool,
    typer.Option(
        "--all-runtimes", help="Run the golden vectors in OpenVINO, tract and others that are installed, too."
    ),
]

# Of a replay

ReplayFile = Annotated[Path, typer.Argument(help="A file that lander eval --save-replay wrote.")]

ReplayGif = Annotated[
    Path | None, typer.Option(help="Draw a GIF; several episodes get one each, named by seed.")
]

ReplayMp4 = Annotated[Path | None, typer.Option(help="Draw an MP4 in the same way; needs the extra 'video'.")]

ReplayRender = Annotated[Render | None, typer.Option(help="Show the episodes in a window.")]

ReplayEpisodes = Annotated[
    str | None,
    typer.Option(
        help="Which: all, first, best, worst, a number, or seeds with commas.",
        show_default="all; the first if something is drawn",
    ),
]

Size = Annotated[str, typer.Option(help="Size of the pictures: 1200x800, or a factor such as 2 or 0.5.")]

Speed = Annotated[float, typer.Option(help="How fast to draw; 1 is the environment's own pace.")]
