"""A scatter plot of two measures, with a mark for each episode in its outcome's colour and shape."""

import numpy as np
from numpy.typing import NDArray

from lander_runtime.page.charts.axes import LEFT, RIGHT, WIDTH, axes, chart, line
from lander_runtime.page.charts.outcomes import Slots, mark
from lander_runtime.page.charts.scales import Scale, around
from lander_runtime.page.elements import Element, element, number
from lander_runtime.scores.results import Results
from lander_runtime.spec import Component

MOST = 2_000
"""The number of episodes that are drawn. More would hide each other and make the page large."""

_DENSE = 200
"""With more episodes than this, marks are small."""

_TOP, _BOTTOM, _HEIGHT = 24.0, 240.0, 282.0


def scatter(results: Results, across: Component, up: Component, slots: Slots) -> Element | None:
    """A plot of the first `MOST` episodes; None if none of them has both measures."""
    horizontal, vertical = results.measures[across][:MOST], results.measures[up][:MOST]
    codes = results.outcome_codes[:MOST]
    both = np.isfinite(horizontal) & np.isfinite(vertical)
    if not both.any():
        return None
    x = Scale(*around(float(horizontal[both].min()), float(horizontal[both].max())), LEFT, RIGHT)
    y = Scale(*around(float(vertical[both].min()), float(vertical[both].max())), _BOTTOM, _TOP)
    marks = []
    density = " dense" if np.count_nonzero(both) > _DENSE else ""
    # The most frequent outcome first, so that the rare ones are drawn on top.
    for code in sorted(range(len(results.outcome_names)), key=lambda code: -np.count_nonzero(codes == code)):
        slot = slots[results.outcome_names[code]]
        rows = np.flatnonzero(both & (codes == code))
        if len(rows):
            d = "".join(
                f"M{number(round(x(horizontal[row]), 1))} {number(round(y(vertical[row]), 1))}{mark(slot)}"
                for row in rows
            )
            marks.append(element("path", d=d, class_=f"mark o{slot}{density}"))
    zeros = [
        line(x(0), _TOP, x(0), _BOTTOM, "zero") if x.low < 0 < x.high else None,
        line(LEFT, y(0), RIGHT, y(0), "zero") if y.low < 0 < y.high else None,
    ]
    return chart(
        f"{up.name} over {across.name}",
        f"{np.count_nonzero(both)} episodes; {_range(across, horizontal[both])}; "
        f"{_range(up, vertical[both])}.",
        WIDTH,
        _HEIGHT,
        axes(x, y, labelled(across), labelled(up)),
        *zeros,
        *marks,
    )


def labelled(component: Component) -> str:
    """The name with its unit."""
    return f"{component.name} ({component.unit})" if component.unit else component.name


def _range(component: Component, values: NDArray[np.float64]) -> str:
    unit = f" {component.unit}" if component.unit else ""
    return (
        f"{component.name} from {values.min():.1f} to {values.max():.1f}{unit}, "
        f"median {float(np.median(values)):.1f}"
    )
