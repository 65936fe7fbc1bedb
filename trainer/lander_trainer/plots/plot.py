"""One picture of one or several runs: training means and selection scores, over steps or seconds."""

import os
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lander_runtime import envs
from lander_runtime.differing import differences, settings_in_short
from lander_runtime.errors import InputRefused, LanderError, UsageError
from lander_runtime.page.charts.scales import in_words
from lander_runtime.text import printable
from lander_trainer.plots.bands import FEWEST, mean_band
from lander_trainer.plots.curve import AXES, draw_learning_curve, points
from lander_trainer.plots.limits import Dot, fit_axes
from lander_trainer.plots.style import LINES, add_legend, check_picture, new_picture, save_picture
from lander_trainer.runs.run_history import RunHistory

_LABEL = 90
"""Most characters in a line of the legend: as many as fit below a picture."""

_MOST_LINES = 4
"""Of one label; runs that differ in more than that fits have little in common."""

_MOST_NAMED = 8
"""Runs in a command that a message suggests."""

_DOTS = {"-": "o", "--": "s", ":": "^", "-.": "D"}
"""The mark of a selection by the dash of its line: so colours that come twice are told apart there too."""


def draw_runs(runs: Sequence[RunHistory], path: Path, *, x: str = "steps", group: bool = False) -> None:
    """Draw `runs` into the PNG or SVG file `path`.

    One run is drawn as its learning curve. Several are drawn as a line each, with a dot for each selection
    score, and labelled with their folders and the settings in which they differ.

    Args:
        runs: at least one.
        path: where to write, atomically.
        x: `steps` or `seconds`.
        group: draw runs that differ only in the seed as their mean and a band (`bands.mean_band`).

    Raises:
        UsageError: the suffix is unknown, the runs are of several environments, or there are more lines than
            styles to tell them apart.
        InputRefused: a run has no point to draw, or the runs of a group have no steps in common.
    """
    check_picture(path)
    _check_one_environment(runs)
    for run in runs:
        if not points(run.rows, "mean_return")[0] and not points(run.rows, "selection_score")[0]:
            raise InputRefused(f"{run.path}: no episode has ended in it yet, so there is nothing to draw.")
    threshold = _threshold(runs[0].env)
    shaped = [bool(run.config.get("shaping")) for run in runs]
    if len(runs) == 1:
        title = f"{runs[0].env}, seed {runs[0].config.get('seed', 'unknown')}"
        draw_learning_curve(
            runs[0].rows, path, title=title, reward_threshold=threshold, x=x, shaped=shaped[0]
        )
        return
    lines = lines_of(runs, group)
    if len(lines) > len(LINES):
        raise UsageError(
            f"{len(lines)} lines cannot be told apart, {len(LINES)} at most can. Name fewer runs"
            + (", or give --group." if not group else ".")
        )
    band = _band_in_words(lines)
    shaping = " with shaping" if all(shaped) else ", some with shaping" if any(shaped) else ""
    title = f"{_shorten(runs[0].env, 60)} (lines: training{shaping}{band}; dots: greedy)"
    figure, axes = new_picture(title=title, x=AXES[x])
    drawn = _Drawn()
    entries: list[tuple[Artist, str]] = []
    for line, (colour, dash) in zip(lines, LINES, strict=False):
        entries.append((_draw_line(axes, line, x, colour, dash, drawn), _wrapped(line.label)))
    if threshold is not None:
        # Grey and thin, because every colour and dash can mean a run.
        solved = axes.axhline(threshold, color="0.5", linewidth=0.8)
        entries.append((solved, f"solved at {in_words(threshold)}"))
    if drawn.hollow:
        hollow = Line2D([], [], linestyle="", marker="o", color="0.4", markersize=3, markerfacecolor="none")
        entries.append((hollow, "hollow dots: not all runs of the group are there, so there is no mean"))
    entries += fit_axes(axes, drawn.values, drawn.dots, threshold)
    add_legend(figure, entries, columns=1)
    save_picture(figure, path)


def _band_in_words(lines: "Sequence[Line]") -> str:
    """What is drawn around the mean of a group; empty where there is none."""
    groups = [line for line in lines if len(line.runs) > 1]
    if not groups:
        return ""
    mean = ", mean of " + ("runs" if any(line.repeats for line in groups) else "seeds")
    banded = [line for line in groups if line.seeds > 1]
    if not banded:
        return mean
    intervals = {line.has_interval for line in banded}
    if len(intervals) > 1:
        return f"{mean} and band"
    return f"{mean}; band: " + ("95% interval" if intervals == {True} else "lowest to highest")


def _check_one_environment(runs: Sequence[RunHistory]) -> None:
    """Refuse runs whose returns are in different units."""
    environments = dict.fromkeys(run.env for run in runs)
    if len(environments) > 1:
        named = [_shorten(env, 60) for env in list(environments)[:4]]
        more = f" and {len(environments) - 4} more" if len(environments) > 4 else ""
        # Not their folder, which may be what was typed; and no more than a line can show.
        paths = [str(run.path) for run in runs if run.env == runs[0].env][:_MOST_NAMED]
        raise UsageError(
            f"Returns of {', '.join(named)}{more} do not compare. "
            f"Name the runs of one environment: {shlex.join(['lander', 'plot', *paths])}"
        )


@dataclass(frozen=True)
class Line:
    """One line of a picture: a run, or several runs that differ at most in the seed."""

    label: str
    runs: tuple[RunHistory, ...]

    @property
    def seeds(self) -> int:
        """How many different seeds the runs have."""
        return _seeds(self.runs)

    @property
    def repeats(self) -> bool:
        """Whether runs have the same seed: those of a time limit may differ all the same."""
        return self.seeds < len(self.runs)

    @property
    def has_interval(self) -> bool:
        """Whether a band is the interval of the mean. Repeats of a seed are no independent samples."""
        return not self.repeats and len(self.runs) >= FEWEST


@dataclass
class _Drawn:
    """What is in the picture so far."""

    values: list[float] = field(default_factory=list)
    """Of lines and bands."""
    dots: list[Dot] = field(default_factory=list)
    hollow: bool = False
    """Whether any dot lies outside the mean of its group."""


def lines_of(runs: Sequence[RunHistory], group: bool) -> list[Line]:
    """The lines for `runs`, each with its label, in the order of their first runs."""
    groups: dict[str, list[RunHistory]] = {}
    for run in runs:
        settings = {name: value for name, value in run.config.items() if name != "seed"}
        key = repr(sorted(settings.items())) if group else str(run.path.resolve())
        groups.setdefault(key, []).append(run)
    names = _names(runs)
    differing = differences([run.config for run in runs])
    labels = {str(run.path): settings for run, settings in zip(runs, differing, strict=True)}
    lines = []
    for members in groups.values():
        settings = dict(labels[str(members[0].path)])
        if len(members) > 1:
            settings.pop("seed", None)
        folders = ", ".join(names[str(run.path)] for run in members)
        if len(members) > 1:
            folders = f"{_counted(members)} ({_shorten(folders, 30)})"
        text = settings_in_short(settings)
        label = f"{folders}: {text}" if text else folders
        lines.append(Line(_shorten(label, _MOST_LINES * _LABEL), tuple(members)))
    return lines


def _counted(runs: Sequence[RunHistory]) -> str:
    """Such as `3 seeds`, `2 runs of seed 1` or `3 runs of 2 seeds`."""
    seeds = _seeds(runs)
    if seeds == len(runs):
        return f"{seeds} seeds"
    seed = runs[0].config.get("seed")
    if seeds > 1:
        return f"{len(runs)} runs of {seeds} seeds"
    return f"{len(runs)} runs" + ("" if seed is None else f" of seed {printable(str(seed))}")


def _seeds(runs: Sequence[RunHistory]) -> int:
    return len({repr(run.config.get("seed")) for run in runs})


def _draw_line(axes: Axes, line: Line, x: str, colour: str, dash: str, drawn: _Drawn) -> Artist:
    """Draw the training mean, its band if there are several seeds, and the selection scores as dots."""
    curves = [curve for run in line.runs if (curve := points(run.rows, "mean_return", x))[0]]
    at: Sequence[float] | Any = []
    mean: Sequence[float] | Any = []
    if len(line.runs) == 1 and curves:
        ((at, mean),) = curves
    elif curves:
        at, mean, low, high = mean_band(curves, interval=line.has_interval)
        if not len(at) or len(curves) < len(line.runs):
            raise InputRefused(
                f"The runs of the group {line.label!r} have no {AXES[x]} in common, so they have no "
                "mean to draw: one ended before another had its first mean return."
            )
        if line.seeds > 1:
            axes.fill_between(at, low, high, color=colour, alpha=0.25, linewidth=0)
            drawn.values += [*low.tolist(), *high.tolist()]
    (handle,) = axes.plot(at, mean, color=colour, linestyle=dash, marker="." if len(at) == 1 else "")
    drawn.values += list(mean)
    for run in line.runs:
        dots = [Dot(*place, colour) for place in zip(*points(run.rows, "selection_score", x), strict=True)]
        drawn.dots += dots
        outside = [dot for dot in dots if len(line.runs) > 1 and curves and not at[0] <= dot.x <= at[-1]]
        drawn.hollow |= bool(outside)
        for some, filling in ((outside, "none"), ([dot for dot in dots if dot not in outside], colour)):
            axes.plot(
                [dot.x for dot in some], [dot.y for dot in some], linestyle="", marker=_DOTS[dash],
                color=colour, markersize=3, alpha=0.7, markerfacecolor=filling,
            )  # fmt: skip
    return handle


def _names(runs: Sequence[RunHistory]) -> dict[str, str]:
    """A short name for each run's folder, by path: `001`, or `CartPole-v1/001` if their parents differ."""
    parents = [run.path.resolve().parent for run in runs]
    common = Path(os.path.commonpath(parents))
    return {str(run.path): run.path.resolve().relative_to(common).as_posix() for run in runs}


def _threshold(env: str) -> float | None:
    try:
        return envs.resolve(env).reward_threshold
    # An environment that is not installed here; its runs can be drawn without a threshold.
    except LanderError:
        return None


def _wrapped(label: str) -> str:
    """In lines that fit below the picture, broken after a comma where there is one."""
    lines = [""]
    for part in label.split(", "):
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        if len(longer) < _LABEL or not lines[-1]:
            lines[-1] = longer
        else:
            lines[-1] += ","
            lines.append(part)
    return "\n".join(cut for line in lines for cut in textwrap.wrap(line, _LABEL))


def _shorten(text: str, length: int = _LABEL) -> str:
    """`text` without unprintable characters, cut to `length`."""
    clean = printable(text)
    return clean if len(clean) <= length else clean[: length - 1] + "…"
