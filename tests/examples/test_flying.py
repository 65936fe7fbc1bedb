"""A person flies on the page: late hands that read only what it shows, and what it says at every turn."""

from collections.abc import Callable
from pathlib import Path

import pytest

import hands
from chromium import Chromium

PICTURE = "document.querySelector('#view').getBoundingClientRect()"

Begin = Callable[..., Chromium]


@pytest.fixture(scope="module")
def paced(browser: Chromium) -> Chromium:
    """The browser, in which time passes only when a test says so."""
    browser.before_scripts(hands.CLOCK)
    return browser


@pytest.fixture
def begin(paced: Chromium, built: Path) -> Begin:
    """(seed, width=1280, height=800) -> the browser, waiting for a person's first key."""

    def one(seed: int, width: int = 1280, height: int = 800) -> Chromium:
        paced.size(width, height)
        paced.open((built / "lander.html").as_uri() + f"#seed={seed}")
        paced.wait("document.documentElement.dataset.ready === 'true'")
        paced.evaluate("document.querySelector('#fly').click(), pass(200)")
        return paced

    return one


def press(browser: Chromium, key: str, milliseconds: int = 0) -> None:
    browser.key("keyDown", key)
    browser.evaluate(f"pass({milliseconds})")
    browser.key("keyUp", key)


def test_late_hands_land_on_four_of_five_moons(begin: Begin) -> None:
    """At the speed and with the help that the page offers: 250 ms late, a key held for 100 ms at least."""
    ends = [hands.fly(begin(seed)) for seed in range(1_000_000, 1_000_005)]
    assert [end.title for end in ends].count("Landed!") >= 4, ends
    assert all(10 < end.seconds < 40 for end in ends), ends


def test_the_picture_says_what_to_do_and_how_it_ended(begin: Begin) -> None:
    browser = begin(5)
    shown = hands.look(browser)
    assert shown["title"] == "Your turn"
    assert "brake" in shown["reason"]
    press(browser, "ArrowUp", 100)
    assert hands.look(browser)["title"] == ""
    fallen = hands.look(browser, 9000)
    assert fallen["title"] == "Crashed"
    assert fallen["reason"].startswith("You came down at ")
    told = "document.querySelector('#message').checkVisibility()"
    assert browser.evaluate(told) is True


def test_one_who_has_touched_down_is_told_to_wait_and_then_offered_another_moon(begin: Begin) -> None:
    browser = begin(1_000_000)
    assert "when you fall faster than 1.2 m/s" in hands.look(browser)["reason"]
    assert "when you fall faster than 1.2 m/s" in browser.evaluate(
        "document.querySelector('#keys').textContent"
    )
    seen: list[dict[str, str]] = []
    assert hands.fly(browser, seen=seen).title == "Landed!"
    waits = [shown for shown in seen if shown["title"] == "Touchdown"]
    assert waits
    assert all("wait until it rests" in shown["reason"] for shown in waits)
    # Where the pad is, seen from the lander, with a tick between its flags.
    assert all(hands.to_the_left(shown["pad"]) == -hands.to_the_left(shown["place"]) for shown in seen)
    assert waits[-1]["pad"].endswith("✓")
    other = "document.querySelector('#message-other')"
    assert browser.evaluate(f"{other}.checkVisibility() && {other}.textContent") == "Next moon"
    browser.evaluate(f"{other}.click(), pass(100)")
    assert hands.look(browser)["title"] == "Your turn"
    assert browser.evaluate(f"[location.hash, document.activeElement.id, {other}.checkVisibility()]") == [
        "#seed=1000001", "view", False,
    ]  # fmt: skip


@pytest.mark.parametrize("width", [320, 480, 640, 1000, 1280, 1600])
def test_what_stands_below_a_card_keeps_its_place(begin: Begin, width: int) -> None:
    """Whatever the card says: its words wrap into two to four lines."""
    browser = begin(5, width=width)
    places = browser.evaluate(
        """[['0.1\u00a0s', ''], ['left the picture after 12.7\u00a0s', 'at 3 times the speed, with help'],
            ['time ran out after 20.0\u00a0s', 'at a tenth of the speed, with help']].map((texts) => {
          ['status', 'speed'].forEach((name, i) => {
            document.querySelector('#your-' + name).textContent = texts[i];
          });
          return document.querySelector('#fly').getBoundingClientRect().top;
        })"""
    )
    assert len(set(places)) == 1


def test_space_begins_again_half_a_second_after_the_end(begin: Begin) -> None:
    """Not at once: it may have been meant for the flight."""
    browser = begin(5)
    press(browser, "ArrowUp", 100)
    title = "document.querySelector('#message-title').textContent"
    browser.evaluate(f"for (let i = 0; i < 400 && {title} === ''; i++) pass(50)")
    press(browser, " ")
    assert hands.look(browser, 100)["title"] == "Crashed"
    hands.look(browser, 600)
    press(browser, " ")
    assert hands.look(browser, 100)["title"] == "Your turn"
    assert browser.evaluate("[scrollY, location.hash]") == [0, "#seed=5"]


def test_space_flies_the_same_moon_again_after_the_button_for_the_next(begin: Begin) -> None:
    """A button keeps the focus after a click, and Space would press it again."""
    browser = begin(5)
    browser.evaluate("document.querySelector('#next').focus(), document.querySelector('#next').click()")
    press(browser, "ArrowUp", 100)
    assert hands.look(browser, 9000)["title"] == "Crashed"
    hands.look(browser, 600)
    press(browser, " ")
    assert hands.look(browser, 100)["title"] == "Your turn"
    assert browser.evaluate("location.hash") == "#seed=6"


def test_without_help_a_side_key_fires_its_engine_and_nothing_else_does(begin: Begin) -> None:
    browser = begin(5)
    browser.evaluate("document.querySelector('#steady').click()")
    assert "until you tap the other way" in hands.look(browser, 100)["reason"]
    press(browser, "ArrowLeft", 400)
    let_go = hands.look(browser, 100)["tilt"]
    assert hands.to_the_left(hands.look(browser, 800)["tilt"]) > hands.to_the_left(let_go) > 0
    assert browser.evaluate("document.querySelector('#your-speed').textContent") == "at quarter speed"


def test_a_tap_on_the_picture_begins_again(begin: Begin) -> None:
    browser = begin(5)
    press(browser, "ArrowUp", 100)
    assert hands.look(browser, 9000)["title"] == "Crashed"
    hands.look(browser, 600)
    browser.evaluate("document.querySelector('#view').click()")
    assert hands.look(browser, 100)["title"] == "Your turn"
    assert browser.complaints == []


@pytest.mark.parametrize(
    "away",
    [
        "window.dispatchEvent(new Event('blur'))",
        "Object.defineProperty(document, 'hidden', { configurable: true, value: true }),"
        " document.dispatchEvent(new Event('visibilitychange'))",
    ],
)
def test_one_who_looks_away_neither_brakes_nor_falls(begin: Begin, away: str) -> None:
    browser = begin(5)
    browser.key("keyDown", "ArrowUp")
    hands.look(browser, 1000)
    browser.evaluate(away)
    before = hands.look(browser, 200)
    assert before["title"] == "Paused"
    assert hands.look(browser, 3000) == before
    browser.key("keyUp", "ArrowUp")
    press(browser, " ")
    after = hands.look(browser, 1000)
    assert (after["title"], after["height"] == before["height"]) == ("", False)


def test_action_and_probabilities_belong_to_one_moment(paced: Chromium, built: Path) -> None:
    paced.open((built / "lander.html").as_uri() + "#seed=1000002")
    paced.wait("document.documentElement.dataset.ready === 'true'")
    likely = """(() => {
      pass(100);
      const lines = [...document.querySelectorAll('#action tr')];
      const percent = (line) => parseInt(line.cells[1].textContent);
      const most = Math.max(...lines.map(percent));
      return lines.filter((line) => line.classList.contains('taken')).map((line) => most - percent(line));
    })()"""
    seen = [paced.evaluate(likely) for _ in range(15)]
    assert seen == [[0]] * 15


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (640, 400), (320, 640)])
def test_the_picture_and_its_buttons_are_in_the_window(begin: Begin, width: int, height: int) -> None:
    """640 x 400 is what a window of 1280 x 800 has at 200% zoom."""
    browser = begin(5, width=width, height=height)
    top = browser.evaluate(f"{PICTURE}.top")
    bottom = browser.evaluate("document.querySelector('#thrusters').getBoundingClientRect().bottom")
    assert top >= 0
    assert bottom <= height
    # What is written over the picture stays inside it.
    outside = f"""['numbers', 'controls', 'message'].map((id) => document.getElementById(id))
      .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect())
      .filter((one) => one.left < {PICTURE}.left || one.right > {PICTURE}.right
        || one.top < {PICTURE}.top || one.bottom > {PICTURE}.bottom).length"""
    assert browser.evaluate(outside) == 0
    assert browser.evaluate("document.documentElement.scrollWidth") == width
