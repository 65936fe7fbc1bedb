"""One picture of one or several runs: training means and selection scores, over steps or seconds."""

import os
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lander_runtime import envs
from lander_runtime.differing import differences, settings_in_short
from lander_runtime.errors import InputRefused, LanderError, UsageError
from lander_runtime.text import printable
from lander_trainer.plots.bands import FEWEST, mean_band
from lander_trainer.plots.curve import AXES, draw_learning_curve, points
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
    labels = [_wrapped(line.label) for line in lines]
    rows = sum(label.count("\n") + 1 for label in labels)
    figure, axes = new_picture(title=title, x=AXES[x], legend_rows=rows + 1)
    entries: list[tuple[Artist, str]] = []
    for line, label, (colour, dash) in zip(lines, labels, LINES, strict=False):
        entries.append((_draw_line(axes, line, x, colour, dash), label))
    if threshold is not None:
        # Grey and thin, because every colour and dash can mean a run.
        entries.append((axes.axhline(threshold, color="0.5", linewidth=0.8), f"solved at {threshold:g}"))
    add_legend(figure, entries, columns=1)
    save_picture(figure, path)


def _band_in_words(lines: "Sequence[Line]") -> str:
    """What is drawn around the mean of a group; empty where there is none."""
    sizes = [len(line.runs) for line in lines if len(line.runs) > 1]
    if not sizes:
        return ""
    if max(sizes) < FEWEST:
        return ", mean of seeds; band: lowest to highest"
    return ", mean of seeds; band: 95% interval" if min(sizes) >= FEWEST else ", mean of seeds and band"


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
    """One line of a picture: a run, or several runs that differ only in the seed."""

    label: str
    runs: tuple[RunHistory, ...]


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
            folders = f"{len(members)} seeds ({_shorten(folders, 30)})"
        text = settings_in_short(settings)
        label = f"{folders}: {text}" if text else folders
        lines.append(Line(_shorten(label, _MOST_LINES * _LABEL), tuple(members)))
    return lines


def _draw_line(axes: Axes, line: Line, x: str, colour: str, dash: str) -> Artist:
    """Draw the training mean, its band if there are several runs, and the selection scores as dots."""
    curves = [curve for run in line.runs if (curve := points(run.rows, "mean_return", x))[0]]
    at: Sequence[float] | Any = []
    mean: Sequence[float] | Any = []
    if len(line.runs) == 1 and curves:
        ((at, mean),) = curves
    elif curves:
        at, mean, low, high = mean_band(curves)
        if not len(at) or len(curves) < len(line.runs):
            raise InputRefused(
                f"The runs of the group {line.label!r} have no {AXES[x]} in common, so they have no "
                "mean to draw: one ended before another had its first mean return."
            )
        axes.fill_between(at, low, high, color=colour, alpha=0.25, linewidth=0)
    (drawn,) = axes.plot(at, mean, color=colour, linestyle=dash, marker="." if len(at) == 1 else "")
    for run in line.runs:
        scores = points(run.rows, "selection_score", x)
        axes.plot(*scores, linestyle="", marker=_DOTS[dash], color=colour, markersize=3, alpha=0.7)
    return drawn


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
