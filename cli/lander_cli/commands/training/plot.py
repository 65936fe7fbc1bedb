"""`lander plot`: the learning curves of one or several runs in one picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from lander_cli.arguments.training_options import AsJson, Axis, Group, Over, Picture, Runs
from lander_cli.terminal.console import print_json, print_next, print_rows, say

if TYPE_CHECKING:
    from lander_rl import plotting


def plot_command(
    runs: Runs = None,
    out_file: Picture = Path("plot.png"),
    x: Over = Axis.STEPS,
    group: Group = False,
    as_json: AsJson = False,
) -> None:
    """Draw training returns and selection scores of runs, and name the settings that differ."""
    from lander_rl.plotting import PlotRequest, run_plot

    request = PlotRequest(runs=tuple(runs or []), out=out_file, x=x.value, group=group)
    drawn = run_plot(request, say)
    if as_json:
        print_json(_as_json(drawn))
    else:
        print_rows(drawn.rows())
    print_next("lander", "export", drawn.best.path)


def _as_json(drawn: "plotting.Picture") -> dict[str, object]:
    runs = [
        {"run": str(run.path), "env": run.env, "updates": len(run.rows), **run.rows[-1]} for run in drawn.runs
    ]
    return {"schema": "lander.plot/1", "picture": str(drawn.path), "runs": runs}
