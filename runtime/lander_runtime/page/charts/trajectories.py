"""The paths of the first episodes, drawn over the first picture of the first episode."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.page.charts.axes import chart
from lander_runtime.page.charts.outcomes import Slots
from lander_runtime.page.elements import Element, element, number

_APART = 3.0
"""Pixels. Points closer than this to the last one drawn are left out; the difference is not visible."""


def trajectories(
    tracks: Sequence[tuple[str, NDArray[Any]]], size: tuple[int, int], background: str, slots: Slots
) -> Element:
    """A chart of tracks over a picture.

    Args:
        tracks: for each episode its outcome and its positions `[T + 1, 2]` in pixels of the picture.
        size: (width, height) of the picture.
        background: the picture as a data URI.
        slots: for the colours.
    """
    width, height = size
    counts = Counter(outcome for outcome, _ in tracks)
    # The most frequent outcome first, so that the rare ones are drawn on top.
    ordered = sorted(tracks, key=lambda track: -counts[track[0]])
    lines = [
        element("path", d=path_of(points), class_=f"path o{slots[outcome]}")
        for outcome, points in ordered
        if np.isfinite(points).all()
    ]
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return chart(
        "Trajectories",
        f"The paths of the first {len(tracks)} episodes ({outcomes}) over the picture of the first reset.",
        width,
        height,
        element("image", href=background, width=width, height=height, class_="faded"),
        *lines,
        element("rect", x=0.5, y=0.5, width=width - 1, height=height - 1, class_="framed"),
    )


def path_of(points: NDArray[Any]) -> str:
    """An SVG path along `points` `[N, 2]`, with relative coordinates to a tenth of a pixel."""
    kept = [0]
    for index in range(1, len(points)):
        if np.abs(points[index] - points[kept[-1]]).max() >= _APART:
            kept.append(index)
    if kept[-1] != len(points) - 1:
        kept.append(len(points) - 1)
    # Differences of the rounded points, so that no error adds up along the path.
    tenths = np.rint(points[kept].astype(np.float64) * 10.0)
    x, y = (tenths[0] / 10.0).tolist()
    steps = (np.diff(tenths, axis=0) / 10.0).tolist()
    return f"M{number(x)} {number(y)}l" + " ".join(f"{number(dx)} {number(dy)}" for dx, dy in steps)
