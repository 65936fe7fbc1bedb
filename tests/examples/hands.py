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

_KEYS = {"left": "ArrowLeft", "up": "ArrowUp", "right": "ArrowRight"}

_READ = """(() => {
  pass(%d);
  const text = (selector) => document.querySelector(selector).textContent;
  const yours = (line) => text(`#observation tr:nth-child(${line}) td:nth-child(3)`);
  return {
    height: text('#your-height'), falling: text('#your-falling'), sideways: text('#your-sideways'),
    tilt: text('#your-tilt'), place: yours(1), turning: yours(6), legs: yours(7) + yours(8),
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


def fly(browser: Chromium, *, longest: float = 60) -> End:
    """Fly as a person would, until the page says how it ended."""
    intents: deque[tuple[int, str | None]] = deque()
    held, until = None, 0
    for time in range(0, int(longest * 1000), LOOK):
        shown = look(browser, LOOK if time else 0)
        if time and shown["title"] not in ("", "Your turn"):
            if held:
                browser.key("keyUp", held)
            return End(shown["title"], shown["reason"], time / 1000)
        intents.append((time + LATE, _wish(shown)))
        while intents and intents[0][0] <= time:
            key = intents.popleft()[1]
            if key != held and time >= until:
                if held:
                    browser.key("keyUp", held)
                if key:
                    browser.key("keyDown", key)
                held, until = key, time + HOLD
    raise AssertionError(f"still flying after {longest} s: {look(browser)}")


def _wish(shown: dict[str, str]) -> str | None:
    """The key that a person would like to hold: brake when it falls too fast, lean towards the pad else."""
    if "ground" in shown["legs"]:
        return None
    if shown["title"] == "Your turn":
        return _KEYS["up"]  # Starts the clock.
    height = _number(shown["height"])
    falling = _number(shown["falling"]) * (-1 if "up" in shown["falling"] else 1)
    lean = -6 * to_the_left(shown["place"]) - 10 * to_the_left(shown["sideways"])
    most = 6 if height < 2.5 else 20
    # Degrees to turn to the left yet, a little ahead of the turning that is under way.
    wrong = max(-most, min(most, lean)) - to_the_left(shown["tilt"]) - 0.35 * to_the_left(shown["turning"])
    slow = 0.8 if height < 2 else min(3.0, 0.4 + 0.4 * height)
    if "brake!" in shown["falling"] or (falling > slow and abs(wrong) <= 14):
        return _KEYS["up"]
    return _KEYS["left"] if wrong > 6 else _KEYS["right"] if wrong < -6 else None
