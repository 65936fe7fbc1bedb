"""`lander plot`: the learning curves of one or several runs in one picture."""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.terminal.console import out, pairs, print_json, print_next, say
from lander_runtime.errors import InputRefused

if TYPE_CHECKING:
    from lander_trainer.runs.run_history import RunHistory


class Axis(StrEnum):
    """What the runs are drawn over."""

    STEPS = "steps"
    SECONDS = "seconds"


def plot_command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Folders of runs, or folders that hold some.",
            show_default="the newest run",
        ),
    ] = None,
    out_file: Annotated[Path, typer.Option("--out", help="The picture, .png or .svg.")] = Path("plot.png"),
    x: Annotated[Axis, typer.Option(help="Over environment steps or seconds of training.")] = Axis.STEPS,
    group: Annotated[
        bool, typer.Option("--group", help="Runs that differ in the seed only: a mean and a band.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Draw training returns and selection scores of runs, and in what their settings differ."""
    from lander_trainer.plots.plot import draw_runs
    from lander_trainer.plots.style import check_picture
    from lander_trainer.runs.run_history import find_runs, read_history

    check_picture(out_file)
    folders = [found for path in runs or [_newest()] for found in find_runs(path)]
    # A run may be named and lie in a folder that is named too.
    histories = [read_history(path) for path in {path.resolve(): path for path in folders}.values()]
    say(f"Drawing {histories[0].path}" if len(histories) == 1 else f"Drawing {len(histories)} runs")
    draw_runs(histories, out_file, x=x.value, group=group)
    _report(histories, out_file, as_json)
    print_next("lander", "export", _best(histories).path)


def _newest() -> Path:
    from lander_trainer import newest_run

    path = newest_run()
    if path is None:
        raise InputRefused("There is no run under runs/ to draw. Type: lander train")
    return path


def _best(histories: "list[RunHistory]") -> "RunHistory":
    """The run with the best selection score, else the first."""
    scores = [run.rows[-1]["best_score"] for run in histories]
    known = [-math.inf if score is None else score for score in scores]
    return histories[known.index(max(known))]


def _report(histories: "list[RunHistory]", picture: Path, as_json: bool) -> None:
    if as_json:
        runs = [
            {"run": str(run.path), "env": run.env, "updates": len(run.rows), **run.rows[-1]}
            for run in histories
        ]
        print_json({"schema": "lander.plot/1", "picture": str(picture), "runs": runs})
        return
    rows = [("picture", str(picture))]
    for run in histories:
        last = run.rows[-1]
        best = "none yet" if last["best_score"] is None else f"{last['best_score']:.1f}"
        rows.append((str(run.path), f"{last['steps']:,.0f} steps, best score {best}"))
    out().print(pairs(rows))
