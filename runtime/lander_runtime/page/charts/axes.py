"""The parts that all charts of the page share: an SVG with title, description, axes and grid.

Written here and not drawn by matplotlib: text can be selected, a style sheet sets the colours (dark mode,
print), the file has a tenth of the size, and scoring needs no plotting package.
"""

from lander_runtime.page.charts.scales import Scale, in_words
from lander_runtime.page.elements import Element, element

WIDTH = 440.0
"""Of a chart, in SVG units. About the width of a phone, so that text keeps its size there."""

LEFT, RIGHT = 52.0, WIDTH - 18.0
"""The ends of the horizontal axis."""


def chart(title: str, description: str, width: float, height: float, *parts: Element | None) -> Element:
    """An SVG of `parts`; screen readers read its `title` and `description`."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"{title}. {description}",
        class_="chart",
    )


def text(words: str, x: float, y: float, anchor: str = "middle", class_: str | None = None) -> Element:
    """`words` with their start, middle or end (`anchor`) at `x`, on the base line `y`."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Element:
    """A straight line of the CSS class `class_`."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def axes(x: Scale, y: Scale, x_label: str, y_label: str, y_ticks: list[float] | None = None) -> Element:
    """Grid lines, ticks and labels; `x` runs to the right, `y` upwards."""
    parts = []
    for tick in y.ticks(5) if y_ticks is None else y_ticks:
        parts.append(line(x.start, y(tick), x.end, y(tick), "rule"))
        parts.append(text(in_words(tick), x.start - 6, y(tick) + 4, "end"))
    parts.append(text(y_label, x.start - 40, y.end - 8, "start", "label"))
    return element("g", *parts, across(x, y.start, x_label))


def across(x: Scale, y: float, label: str) -> Element:
    """The horizontal axis at `y`, with ticks and `label`."""
    parts = [line(x.start, y, x.end, y, "axis")]
    for tick in x.ticks(6):
        parts.append(line(x(tick), y, x(tick), y + 4, "axis"))
        parts.append(text(in_words(tick), x(tick), y + 17))
    parts.append(text(label, (x.start + x.end) / 2, y + 34, class_="label"))
    return element("g", *parts)
