"""Two measures against each other, a mark for each episode in its outcome's colour and shape."""

import numpy as np
from numpy.typing import NDArray

from lander_runtime.page.charts.axes import LEFT, RIGHT, WIDTH, axes, chart, line
from lander_runtime.page.charts.outcomes import Slots, mark
from lander_runtime.page.charts.scales import Scale, around
from lander_runtime.page.elements import Element, element, number
from lander_runtime.scores.results import Results
from lander_runtime.spec import Component

MOST = 2_000
"""Episodes that are drawn: more hide one another, and the page is to stay small."""

_DENSE = 200
"""From here on dots are small."""

_TOP, _BOTTOM, _HEIGHT = 24.0, 240.0, 282.0


def scatter(results: Results, across: Component, up: Component, slots: Slots) -> Element | None:
    """None where no episode has both; of many episodes the first ones."""
    horizontal, vertical = results.measures[across][:MOST], results.measures[up][:MOST]
    codes = results.outcome_codes[:MOST]
    there = np.isfinite(horizontal) & np.isfinite(vertical)
    if not there.any():
        return None
    x = Scale(*around(float(horizontal[there].min()), float(horizontal[there].max())), LEFT, RIGHT)
    y = Scale(*around(float(vertical[there].min()), float(vertical[there].max())), _BOTTOM, _TOP)
    marks = []
    density = " dense" if np.count_nonzero(there) > _DENSE else ""
    # The most frequent first, so that the rare ones lie on top.
    for code in sorted(range(len(results.outcome_names)), key=lambda code: -np.count_nonzero(codes == code)):
        slot = slots[results.outcome_names[code]]
        rows = np.flatnonzero(there & (codes == code))
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
        f"{np.count_nonzero(there)} episodes; {_range(across, horizontal[there])}; "
        f"{_range(up, vertical[there])}.",
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
