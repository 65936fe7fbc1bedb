"""A person at the page: reads what it shows, is late, and holds keys.

The page's clock is moved by hand, so that a flight of twenty seconds needs no twenty seconds.
"""

import re
from collections import deque
from dataclasses import dataclass

from chromium import Chromium

CLOCK = """
let now = 0;
let calls = [];
window.requestAnimationFrame = (call) => calls.push(call);
performance.now = () => now;
window.pass = (milliseconds) => {
  for (const end = now + milliseconds; now < end; ) {
    now += 50;
    const due = calls;
    calls = [];
    for (const call of due) call(now);
  }
};
"""
"""Pictures come every 50 ms, and only when `pass` is called."""

LOOK = 100
"""Milliseconds between two looks at the page."""
LATE = 250
"""Milliseconds from a look to the hand."""
HOLD = 100
"""Milliseconds that a key is held at least."""

_READ = """(() => {
  pass(%d);
  const text = (selector) => document.querySelector(selector).textContent;
  const yours = (line) => text(`#observation tr:nth-child(${line}) td:nth-child(3)`);
  return {
    height: text('#your-height'), falling: text('#your-falling'), sideways: text('#your-sideways'),
    tilt: text('#your-tilt'), pad: text('#your-place'), place: yours(1), legs: yours(7) + yours(8),
    title: text('#message-title'), reason: text('#message-text'),
  };
})()"""


def look(browser: Chromium, milliseconds: int = 0) -> dict[str, str]:
    """What the page shows of a person's flight, after some time of its clock."""
    return browser.evaluate(_READ % milliseconds)


def to_the_left(shown: str) -> float:
    """The number of a text such as `1.2 m/s left`; to the right it is negative."""
    return _number(shown) * (-1 if "right" in shown else 1)


def _number(shown: str) -> float:
    found = re.match(r"[\d.]+", shown)
    assert found, shown
    return float(found[0])


@dataclass(frozen=True)
class End:
    """How a flight ended, in the words of the page, and after how many seconds of a person's time."""

    title: str
    reason: str
    seconds: float


def fly(browser: Chromium, *, longest: float = 60, seen: list[dict[str, str]] | None = None) -> End:
    """Fly as a beginner would, until the page says how it ended; `seen` receives every look."""
    intents: deque[tuple[int, frozenset[str]]] = deque()
    until: dict[str, int] = {}  # Keys that are down, and when each may be let go.
    for time in range(0, int(longest * 1000), LOOK):
        shown = look(browser, LOOK if time else 0)
        if seen is not None:
            seen.append(shown)
        if time and shown["title"] not in ("", "Your turn", "Touchdown"):
            for key in until:
                browser.key("keyUp", key)
            return End(shown["title"], shown["reason"], time / 1000)
        intents.append((time + LATE, _wishes(shown)))
        while intents and intents[0][0] <= time:
            wanted = intents.popleft()[1]
            for key in [key for key, earliest in until.items() if key not in wanted and earliest <= time]:
                del until[key]
                browser.key("keyUp", key)
            for key in wanted - until.keys():
                until[key] = time + HOLD
                browser.key("keyDown", key)
    raise AssertionError(f"still flying after {longest} s: {look(browser)}")


def _wishes(shown: dict[str, str]) -> frozenset[str]:
    """The keys that a beginner would hold: up where it falls too fast, a side key against the drift."""
    if shown["title"] == "Your turn":
        return frozenset({"ArrowUp"})  # Starts the clock.
    height, falling = _number(shown["height"]), _number(shown["falling"])
    too_fast = "up" not in shown["falling"] and falling > min(3.0, 0.5 + 0.3 * height)
    wanted = {"ArrowUp"} if too_fast or "brake!" in shown["falling"] else set()
    drift = to_the_left(shown["sideways"]) + 0.4 * to_the_left(shown["place"])
    if abs(drift) > 0.8 and "ground" not in shown["legs"]:
        wanted.add("ArrowRight" if drift > 0 else "ArrowLeft")
    return frozenset(wanted)
