"""`plot`: the learning curves of runs in one picture, as `lander plot` draws them."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lander_rl.inputs.filenames import Filename
from lander_rl.outputs.checks import check_all_writable
from lander_rl.showing import RowResult
from lander_rl.wording import names_arguments
from lander_runtime.errors import InputRefused
from lander_runtime.files import picture_as_html
from lander_runtime.shipped import newest_run
from lander_runtime.text import shortened

if TYPE_CHECKING:
    from lander_trainer.runs.run_history import RunHistory


@dataclass(frozen=True, kw_only=True)
class PlotRequest:
    """The arguments of `plot`."""

    runs: tuple[Path, ...] = ()
    """Folders of runs, or folders that hold some; the newest run where there are none."""

    out: Path = Path("plot.png")
    """The picture, a .png or .svg."""

    x: Literal["steps", "seconds"] = "steps"
    """The horizontal axis: environment steps, or seconds of training."""

    group: bool = False
    """Draw runs that differ in nothing but the seed as their mean and a band."""


@dataclass(frozen=True, repr=False)
class Picture(RowResult, os.PathLike[str]):
    """A picture that was drawn, and what it shows."""

    path: Path
    runs: "tuple[RunHistory, ...]"
    """In the order in which they were named."""
    x: Literal["steps", "seconds"] = "steps"
    """The horizontal axis."""

    @property
    def best(self) -> "RunHistory":
        """The run with the best selection score, else the first."""
        scores = [run.rows[-1]["best_score"] for run in self.runs]
        known = [-math.inf if score is None else score for score in scores]
        return self.runs[known.index(max(known))]

    def rows(self) -> list[tuple[str, str]]:
        """The picture and its runs, as names and values."""
        from lander_runtime.differing import differences

        rows = [("picture", str(self.path))]
        differing = differences([run.config for run in self.runs])
        for run, settings in zip(self.runs, differing, strict=True):
            last = run.rows[-1]
            best = "none yet" if last["best_score"] is None else f"{last['best_score']:,.1f}"
            named = "".join(f", {name} {value}" for name, value in settings.items())
            rows.append((str(run.path), f"{last['steps']:,.0f} steps, best score {best}{shortened(named)}"))
        return rows

    def __fspath__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        over = "environment steps" if self.x == "steps" else "seconds of training"
        return picture_as_html(self.path, f"Learning curves of {self.runs[0].env}: return over {over}")


@names_arguments
def plot(
    *runs: Filename,
    out: Filename = "plot.png",
    x: Literal["steps", "seconds"] = "steps",
    group: bool = False,
) -> Picture:
    """Draw the training returns and selection scores of `runs`, and say which of their settings differ.

    Args:
        runs: folders of runs, or folders that hold some; the newest run where there are none.
        out: the picture, a .png or .svg.
        x: the horizontal axis: environment `steps`, or `seconds` of training.
        group: draw runs that differ in nothing but the seed as their mean and a band.

    Raises:
        InputRefused: there is no run, one is corrupt, or it has nothing to draw.
        UsageError: `out` has another suffix or cannot be written, or there are too many lines to tell them
            apart.
    """
    return run_plot(PlotRequest(runs=tuple(map(Path, runs)), out=Path(out), x=x, group=group))


def run_plot(request: PlotRequest, say: Callable[[str], None] = lambda text: None) -> Picture:
    """`plot` with its arguments as a request; `say` prints a line for the user. Raises the same errors."""
    from lander_trainer.plots.plot import draw_runs
    from lander_trainer.plots.style import check_picture
    from lander_trainer.runs.run_history import read_history

    check_picture(request.out)
    check_all_writable(request.out, say=say)
    runs = [read_history(path) for path in _folders(request.runs)]
    say(f"Drawing {runs[0].path}" if len(runs) == 1 else f"Drawing {len(runs)} runs")
    draw_runs(runs, request.out, x=request.x, group=request.group)
    return Picture(request.out, tuple(runs), request.x)


def _folders(named: Sequence[Path]) -> list[Path]:
    from lander_trainer.runs.run_history import find_runs

    if not named:
        newest = newest_run()
        if newest is None:
            raise InputRefused("There is no run under runs/ to draw. Type: lander train")
        named = [newest]
    found = [folder for path in named for folder in find_runs(path)]
    # A run may be named and lie in a folder that is named too.
    return list({path.resolve(): path for path in found}.values())
