"""The learning curve of a run while it grows, as HTML for a notebook.

Drawn with the report page's own charts: matplotlib needs a fifth of a second for such a picture, which is a
core's work while two cores train. Text takes the colour of the page around it, so that it can be read on dark
themes too.
"""

from xml.etree import ElementTree

from lander_runtime.page.charts.axes import axes, chart, line, text
from lander_runtime.page.charts.scales import Scale, around
from lander_runtime.page.elements import Element, element, number

_WIDTH, _HEIGHT = 640.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 600.0, 44.0, 258.0
_MOST = 600
"""Points of the line, about one a pixel; beyond it every second one is left out."""

_STYLE = """
.lander-live { max-width: 640px; font-family: system-ui, sans-serif }
.lander-live svg { display: block; width: 100%; height: auto }
.lander-live text { fill: currentColor; font-size: 11.5px; font-family: inherit }
.lander-live .rule { stroke: #808080; stroke-opacity: .3 }
.lander-live .axis { stroke: #808080 }
.lander-live .threshold { stroke: #009e73; stroke-width: 1.5; stroke-dasharray: 6 4 }
.lander-live .training { fill: none; stroke: #2b8cc4; stroke-width: 2; stroke-linejoin: round }
.lander-live .selection { fill: none; stroke: #d55e00; stroke-width: 1.5 }
.lander-live circle { fill: #d55e00 }
.lander-live p { margin: .2em 0; font-size: 13px }
.lander-live p.figures { font-family: monospace; white-space: pre-wrap }
"""
"""Every rule is for this picture alone: in a notebook a style is in force on the whole page. The blue is that
of Okabe and Ito, a little lighter, so that it shows on dark pages too."""


class LiveCurve:
    """Training returns as a line and selection scores as dots, over environment steps."""

    def __init__(self, env: str, steps: int | None, threshold: float | None) -> None:
        """`steps` of the whole run, None where they are not known; `threshold` from which it is solved."""
        self._env = env
        self._steps = steps
        self._threshold = threshold
        self._training: list[tuple[float, float]] = []
        self._selections: list[tuple[float, float]] = []
        self._every, self._seen = 1, 0
        self._latest: tuple[float, float] | None = None

    def add(self, steps: float, mean_return: float | None, selection_score: float | None) -> None:
        """Another update."""
        if selection_score is not None:
            self._selections.append((steps, selection_score))
        if mean_return is None:
            return
        self._latest = (steps, mean_return)
        if self._seen % self._every == 0:
            self._training.append(self._latest)
        self._seen += 1
        if len(self._training) >= _MOST:
            del self._training[1::2]
            self._every *= 2

    def html(self, headline: str, figures: str) -> str:
        """The picture with a line of text above and one below it."""
        whole = element(
            "div",
            element("style", _STYLE),
            element("p", headline),
            self._picture(),
            element("p", figures, class_="figures"),
            class_="lander-live",
        )
        return ElementTree.tostring(whole, encoding="unicode", method="html")

    def _picture(self) -> Element:
        training = [*self._training, *([self._latest] if self._latest else [])]
        points = [*training, *self._selections]
        last = max((steps for steps, _ in points), default=0.0)
        x = Scale(0.0, max(last, float(self._steps or 1)), _LEFT, _RIGHT)
        y = Scale(*self._range([value for _, value in points]), _BOTTOM, _TOP)
        newest = f"The training mean is {training[-1][1]:.1f}." if training else "No episode has ended yet."
        return chart(
            f"Learning curve of {self._env}",
            newest,
            _WIDTH,
            _HEIGHT,
            axes(x, y, "environment steps", "return"),
            self._solved(x, y),
            _polyline(training, x, y, "training"),
            _polyline(self._selections, x, y, "selection"),
            *(element("circle", cx=x(at), cy=y(score), r=3.5) for at, score in self._selections),
            *_legend(),
        )

    def _range(self, values: list[float]) -> tuple[float, float]:
        known = [*values, *([] if self._threshold is None else [self._threshold])]
        return around(min(known), max(known)) if known else (0.0, 1.0)

    def _solved(self, x: Scale, y: Scale) -> Element | None:
        if self._threshold is None:
            return None
        at = y(self._threshold)
        words = text(f"solved at {self._threshold:g}", x.start + 6, at - 5, "start")
        return element("g", line(x.start, at, x.end, at, "threshold"), words)


def _polyline(points: list[tuple[float, float]], x: Scale, y: Scale, class_: str) -> Element | None:
    if not points:
        return None
    path = " ".join(f"{number(x(at))},{number(y(value))}" for at, value in points)
    return element("polyline", points=path, class_=class_)


def _legend() -> list[Element]:
    top = 18.0
    return [
        line(_LEFT + 60, top, _LEFT + 84, top, "training"),
        text("training, mean of 100 episodes", _LEFT + 90, top + 4, "start"),
        element("circle", cx=_LEFT + 290, cy=top, r=3.5),
        text("greedy, on the selection seeds", _LEFT + 300, top + 4, "start"),
    ]
