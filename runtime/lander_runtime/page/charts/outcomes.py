"""A colour, a dash pattern and a mark for each outcome, and the legend.

Outcomes never differ by colour alone, and the colours suit colour-blind readers (Okabe and Ito 2008).
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from lander_runtime.page.elements import Element, element
from lander_runtime.scores.results import Results

_MARKS = (
    "h0",  # A dot: a line of no length with a round cap.
    "m-3-3l6 6m0-6l-6 6",
    "m-3.5 0h7m-3.5-3.5v7",
    "m0-3.5l3.2 6h-6.4z",
    "m0-3.5l3.5 3.5l-3.5 3.5l-3.5-3.5z",
    "m-3-3h6v6h-6z",
    "m-4 0h8",
)

Slots = Mapping[str, int]
"""Outcome -> number of its colour, dash pattern and mark."""


def slots_of(results: Results) -> Slots:
    """Slots in order of mean return, the best outcome first; from the seventh on they share the last slot."""
    codes = range(len(results.outcome_names))
    means = [float(np.mean(results.returns[results.outcome_codes == code])) for code in codes]
    order = sorted(codes, key=lambda code: -means[code])
    return {results.outcome_names[code]: min(slot, len(_MARKS) - 1) for slot, code in enumerate(order)}


def mark(slot: int) -> str:
    """The SVG path of a mark, relative to its centre."""
    return _MARKS[slot]


def swatch_of_bar(slot: int) -> Element:
    """For the legend of a histogram; 22 by 14 SVG units, like all swatches."""
    return element("rect", x=1, y=2, width=14, height=10, class_=f"bar o{slot}")


def swatch_of_line(slot: int) -> Element:
    """For the legend of trajectories."""
    return element("path", d="M0 7h22", class_=f"path o{slot}")


def swatch_of_mark(slot: int) -> Element:
    """For the legend of a scatter plot."""
    return element("path", d=f"M8 7{mark(slot)}", class_=f"mark o{slot}")


def by_outcome(
    counts: Mapping[str, int], slots: Slots, swatch: Callable[[int], Element]
) -> list[tuple[Element, str]]:
    """Entries of a legend: a swatch and the number of episodes for each outcome."""
    return [
        (swatch(slots[name]), f"{name}: {counts[name]:,}")
        for name in sorted(counts, key=lambda name: slots[name])
    ]


def legend(entries: Iterable[tuple[Element, str]]) -> Element:
    """A list of swatches, each with its meaning."""
    items = []
    for swatch, words in entries:
        picture = element("svg", swatch, viewBox="0 0 22 14", width=22, height=14, aria_hidden="true")
        items.append(element("li", picture, words))
    return element("ul", *items, class_="legend")
