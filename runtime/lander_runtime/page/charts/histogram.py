"""The distribution of returns, stacked by outcome, with the mean, its interval and the threshold."""

import math

import numpy as np
from numpy.typing import NDArray

from lander_runtime.page.charts.axes import LEFT, RIGHT, WIDTH, axes, chart, line
from lander_runtime.page.charts.outcomes import Slots, by_outcome, legend, swatch_of_bar
from lander_runtime.page.charts.scales import Scale, around, round_step
from lander_runtime.page.elements import Element, element
from lander_runtime.scores.results import Results
from lander_runtime.scores.summary import Summary

_TOP, _BOTTOM, _HEIGHT = 24.0, 240.0, 282.0
_BARS = 40
_LOWEST_BAR = 1.5
"""The least height of a bar in SVG units: one crash among thousands of landings must be visible."""


def histogram(results: Results, summary: Summary, threshold: float | None, slots: Slots) -> Element | None:
    """A histogram of returns; None if no return is finite."""
    finite = np.isfinite(results.returns)
    if not finite.any():
        return None
    returns, codes = results.returns[finite], results.outcome_codes[finite]
    edges = edges_of(returns)
    low, high = range_of(edges, threshold)
    # Wide margins for a single bar, so that it does not fill the picture.
    x = Scale(*around(low, high, 0.02 if len(edges) > 2 else 3.0), LEFT, RIGHT)
    counts = {
        name: np.histogram(returns[codes == code], edges)[0]
        for code, name in enumerate(results.outcome_names)
    }
    tallest = int(np.sum(list(counts.values()), axis=0).max())
    y = Scale(0.0, tallest * 1.05, _BOTTOM, _TOP)
    ticks = [tick for tick in y.ticks(5) if tick == int(tick)]
    shown = threshold if threshold is not None and x.low <= threshold <= x.high else None
    return chart(
        "Histogram of returns",
        _in_words(summary, threshold),
        WIDTH,
        _HEIGHT,
        axes(x, y, "return", "episodes", ticks),
        _bars(edges, counts, slots, x, y),
        _interval(summary, x),
        line(x(shown), _TOP, x(shown), _BOTTOM, "threshold") if shown is not None else None,
    )


def histogram_legend(drawn: Element, summary: Summary, threshold: float | None, slots: Slots) -> Element:
    """What the colours and lines of the histogram `drawn` mean."""
    entries = by_outcome(summary.outcome_counts, slots, swatch_of_bar)
    entries.append((element("path", d="M8 0v14", class_="mean"), "mean"))
    if summary.ci95 is not None:
        entries.append((element("rect", x=1, y=0, width=14, height=14, class_="band"), "95% interval of it"))
    if threshold is not None:
        outside = "" if drawn.find("*[@class='threshold']") is not None else ", outside the picture"
        swatch = element("path", d="M8 0v14", class_="threshold")
        entries.append((swatch, f"threshold {threshold:g}{outside}"))
    return legend(entries)


def edges_of(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of at most some 40 bars at multiples of a round number, which cover `returns` `[N]`."""
    low, high = float(returns.min()), float(returns.max())
    # Never narrower than floating point can represent; equal returns get one bar.
    width = round_step(max((high - low) / _BARS, abs(high) * 1e-9, 1e-9)) if high > low else 1.0
    if high == low:
        width = max(1.0, abs(high) * 1e-6)
        return np.array([low - width / 2, low + width / 2])
    first, last = math.floor(low / width), math.floor(high / width) + 1
    return np.array([edge * width for edge in range(first, last + 1)])


def range_of(edges: NDArray[np.float64], threshold: float | None) -> tuple[float, float]:
    """The horizontal range; it includes the threshold if that is at most one range away."""
    low, high = float(edges[0]), float(edges[-1])
    if threshold is None or not low - (high - low) <= threshold <= high + (high - low):
        return low, high
    return min(low, threshold), max(high, threshold)


def _bars(
    edges: NDArray[np.float64], counts: dict[str, NDArray[np.int64]], slots: Slots, x: Scale, y: Scale
) -> Element:
    foot = np.full(len(edges) - 1, y.start)
    parts = []
    # The worst outcome at the bottom, so that its rare bars are on the axis.
    for name in sorted(counts, key=lambda name: -slots[name]):
        for index, count in enumerate(counts[name].tolist()):
            if count:
                height = max(y.start - y(count), _LOWEST_BAR)
                left, right = x(edges[index]), x(edges[index + 1])
                foot[index] -= height
                box = element(
                    "rect",
                    x=left + 0.5,
                    y=float(foot[index]),
                    width=max(right - left - 1.0, 0.5),
                    height=height,
                    class_=f"bar o{slots[name]}",
                )
                parts.append(box)
    return element("g", *parts)


def _interval(summary: Summary, x: Scale) -> Element | None:
    if not math.isfinite(summary.mean_return):
        return None
    middle = x(summary.mean_return)
    band = None
    if summary.ci95 is not None:
        left, right = x(summary.ci95[0]), x(summary.ci95[1])
        band = element(
            "rect", x=left, y=_TOP, width=max(right - left, 1.0), height=_BOTTOM - _TOP, class_="band"
        )
    return element("g", band, line(middle, _TOP, middle, _BOTTOM, "mean"))


def _in_words(summary: Summary, threshold: float | None) -> str:
    interval = (
        "" if summary.ci95 is None else f", 95% interval {summary.ci95[0]:.1f} to {summary.ci95[1]:.1f}"
    )
    outcomes = ", ".join(f"{count} {name}" for name, count in summary.outcome_counts.items())
    return (
        f"{summary.episodes} episodes ({outcomes}) from {summary.min_return:.1f} "
        f"to {summary.max_return:.1f}, mean {summary.mean_return:.1f}{interval}"
        + ("." if threshold is None else f"; a success is {threshold:g} or more.")
    )
