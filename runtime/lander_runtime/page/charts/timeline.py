"""One episode step by step: its actions as strips, and the return so far, on one axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.episode import Episode, Trajectory
from lander_runtime.page.charts.axes import RIGHT, WIDTH, across, chart, line, text
from lander_runtime.page.charts.scales import Scale, around, in_words
from lander_runtime.page.elements import Element, element, number

STEPS = 2_000
"""Only the last ones are drawn: the end of an episode matters most, and the page must stay small."""

_LEFT = 104.0
_ROWS, _COMPONENTS = 18, 6
"""The most rows (one for each discrete action) and strips (one for each component) that are drawn."""
_LETTERS = 16


def timeline(title: str, episode: Episode, names: Sequence[str]) -> Element | None:
    """A chart; None if the episode's trajectory was not kept, or its actions are not numbers."""
    trajectory = episode.trajectory
    if trajectory is None or len(trajectory.actions) == 0 or trajectory.actions.dtype.kind not in "iuf":
        return None
    first = max(0, len(trajectory.actions) - STEPS)
    x = Scale(first, len(trajectory.actions), _LEFT, RIGHT)
    if trajectory.actions.ndim == 1 and trajectory.actions.dtype.kind != "f":
        strips, bottom = _rows(trajectory.actions[first:], names, x)
    else:
        strips, bottom = _strips(trajectory.actions[first:], names, x)
    curve, bottom = _return(trajectory, first, x, bottom + 22)
    return chart(
        title,
        _in_words(episode, trajectory, names),
        WIDTH,
        bottom + 42,
        strips,
        curve,
        across(x, bottom, "step"),
    )


def _rows(actions: NDArray[Any], names: Sequence[str], x: Scale) -> tuple[Element, float]:
    """A row for each discrete action, filled during the steps in which `actions` `[T]` took it."""
    rows = min(max(len(names), int(actions.max()) + 1), _ROWS)
    pitch = 26.0 if rows <= 6 else 15.0
    starts = np.flatnonzero(np.diff(actions, prepend=-1))
    ends = np.append(starts[1:], len(actions))
    parts = []
    for row in range(rows):
        top = 8.0 + row * pitch
        taken = actions[starts] == row
        runs = zip(starts[taken].tolist(), ends[taken].tolist(), strict=True)
        d = "".join(
            f"M{number(x(x.low + start))} {number(top)}h{number(x(x.low + end) - x(x.low + start))}"
            f"v{number(pitch - 6)}h{number(x(x.low + start) - x(x.low + end))}z"
            for start, end in runs
        )
        parts.append(
            element("rect", x=x.start, y=top, width=x.end - x.start, height=pitch - 6, class_="lane")
        )
        parts.append(element("path", d=d, class_="taken") if d else None)
        parts.append(text(_name(names, row, "action"), _LEFT - 8, top + (pitch - 6) / 2 + 4, "end"))
    return element("g", *parts), 8.0 + rows * pitch


def _strips(actions: NDArray[Any], names: Sequence[str], x: Scale) -> tuple[Element, float]:
    """A strip for each component of the continuous `actions` `[T, *shape]`."""
    columns = actions.reshape(len(actions), -1)[:, :_COMPONENTS]
    height, gap, parts = 50.0, 18.0, []
    for index, values in enumerate(columns.T):
        top = 10.0 + index * (height + gap)
        drawn = _curve(values, x, top, height)
        parts += [drawn, text(_name(names, index, "component"), 2, top + height / 2 + 4, "start", "label")]
    return element("g", *parts), 10.0 + columns.shape[1] * (height + gap)


def _return(trajectory: Trajectory, first: int, x: Scale, top: float) -> tuple[Element, float]:
    """The return so far: the undiscounted sum of rewards after each step."""
    height = 80.0
    drawn = _curve(np.cumsum(trajectory.rewards)[first:], x, top, height)
    return element("g", drawn, text("return so far", 2, top + height / 2 + 4, "start", "label")), top + height


def _curve(values: NDArray[Any], x: Scale, top: float, height: float) -> Element | None:
    """`values` `[T]` as a line, with its lowest and highest value beside it; None if one is not finite."""
    if not np.isfinite(values).all():
        return None
    low, high = float(values.min()), float(values.max())
    y = Scale(*around(low, high), top + height, top)
    places = " ".join(
        f"{number(round(x(x.low + index + 1), 1))},{number(round(y(value), 1))}"
        for index, value in enumerate(values.tolist())
    )
    # A constant value is written at the top, because the name is in the middle.
    ends = {top + 10: high} if low == high else {top + 10: high, top + height: low}
    labels = [text(in_words(float(f"{value:.3g}")), x.start - 6, at, "end") for at, value in ends.items()]
    return element(
        "g",
        element("rect", x=x.start, y=top, width=x.end - x.start, height=height, class_="lane"),
        line(x.start, y(0), x.end, y(0), "zero") if y.low < 0 < y.high else None,
        *labels,
        element("polyline", points=places, class_="curve"),
    )


def _name(names: Sequence[str], index: int, otherwise: str) -> str:
    name = names[index] if index < len(names) else f"{otherwise} {index}"
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _in_words(episode: Episode, trajectory: Trajectory, names: Sequence[str]) -> str:
    words = f"{episode.length} steps, return {episode.return_:.1f}, {episode.outcome}."
    if trajectory.actions.ndim == 1 and trajectory.actions.dtype.kind != "f":
        taken, counts = np.unique(trajectory.actions, return_counts=True)
        shares = (
            f"{_name(names, action, 'action')} in {count}"
            for action, count in zip(taken.tolist()[:_ROWS], counts.tolist(), strict=False)
        )
        words += f" Steps by action: {', '.join(shares)}."
    return words
