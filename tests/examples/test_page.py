"""The page in a real browser, from disk: what it computes, what it refuses, and how it is used."""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lander_rl
from chromium import Chromium
from lander_rl.watching.playing import PlayRequest, address_of, make_page, serving
from processor import has_fma

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models" / "lunarlander-v3" / "policy.onnx"
DATA = ROOT / "tests" / "data"

MINUS = "\N{MINUS SIGN}"
FLIES = "document.querySelector('#policy-status').textContent.endsWith('\\u00a0s')"
YOUR_FUEL = "#terms tr:nth-child(5) td:nth-child(4)"

Open = Callable[..., Chromium]


@pytest.fixture
def page(browser: Chromium, built: Path) -> Open:
    """(fragment="", file=the built page) -> the browser, with the page ready; its console must stay empty."""

    def one(fragment: str = "", file: Path | None = None) -> Chromium:
        browser.size(1280, 900)
        browser.open((file or built / "lander.html").as_uri() + fragment)
        browser.wait("document.documentElement.dataset.ready === 'true'")
        return browser

    return one


def text(browser: Chromium, selector: str) -> str:
    return browser.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def click(browser: Chromium, selector: str) -> None:
    browser.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


def score(browser: Chromium) -> dict[str, str]:
    """What "Score 100 episodes here" finds, by name."""
    click(browser, "#score")
    browser.wait("!document.querySelector('#result').hidden")
    return dict(
        browser.evaluate(
            "[...document.querySelectorAll('dt')].map((dt) => [dt.textContent, dt.nextSibling.textContent])"
        )
    )


def test_a_hundred_episodes_are_those_of_gymnasium(page: Open) -> None:
    """The digest covers every return to the last bit, every length and every outcome."""
    report = lander_rl.evaluate(SHIPPED, episodes=100)
    browser = page()
    found = score(browser)
    assert found["episodes_sha256"] == report.to_json()["episodes_sha256"]
    assert found["mean return"] == f"{report.summary.mean_return:.1f} ± {report.summary.std_return:.1f}"
    assert report.summary.ci95 is not None
    assert found["95% interval"] == "{:.1f} to {:.1f}".format(*report.summary.ci95)
    assert found["outcomes"] == "100 landed"
    assert text(browser, "#command") == "lander eval models/lunarlander-v3/policy.onnx --episodes 100 --json"
    assert text(browser, "#alike").startswith("prints the same numbers and the same episodes_sha256")
    assert browser.complaints == []


def test_the_policy_lands_by_itself_and_the_next_moon_follows(page: Open) -> None:
    browser = page("#seed=1000002")
    click(browser, "#pause")
    click(browser, "[data-speed='3']")
    click(browser, "#again")
    click(browser, "#pause")
    browser.wait("document.querySelector('#told').textContent !== ''")
    assert text(browser, "#told") == "Seed 1000002. The policy: landed, return 285.4."
    assert text(browser, "#terms tr:last-child td:nth-child(3)") == "285.4"
    message = "['title', 'next'].map((name) => document.querySelector('#message-' + name).textContent)"
    assert browser.evaluate(message) == ["The policy has landed", "The next moon follows."]
    browser.wait("location.hash === '#seed=1000003'")
    assert browser.complaints == []


def test_a_person_flies_by_keys_beside_the_policy(page: Open) -> None:
    browser = page("#seed=5")
    click(browser, "#fly")
    browser.wait("document.querySelector('#your-status').textContent === 'waiting for a key'")
    assert browser.evaluate("document.activeElement.id") == "view"
    assert text(browser, "#your-speed") == "at quarter speed"
    click(browser, "[data-speed='1']")
    browser.key("keyDown", "ArrowUp")
    browser.wait("document.querySelector('#your-return').textContent !== '0.0'")
    # The main engine, held down, pays fuel.
    browser.wait(f"document.querySelector('{YOUR_FUEL}').textContent.startsWith('{MINUS}')")
    browser.key("keyUp", "ArrowUp")
    browser.wait("/after/.test(document.querySelector('#your-status').textContent)")
    assert re.fullmatch(
        r"(crashed|left the picture|landed) after \d+\.\d\N{NO-BREAK SPACE}s", text(browser, "#your-status")
    )
    assert text(browser, "#your-speed") == "at normal speed, with help"
    browser.wait("document.querySelector('#told').textContent !== ''")
    assert re.match(r"Seed 5\. The policy: landed, return \d+\.\d\. You: ", text(browser, "#told"))
    # One who flies is not hurried on.
    assert browser.evaluate("location.hash") == "#seed=5"
    click(browser, "#fly")
    assert text(browser, "#fly") == "Fly yourself"
    assert browser.complaints == []


def test_the_buttons_below_the_picture_fire_too(page: Open) -> None:
    browser = page("#seed=5")
    click(browser, "#fly")
    place = browser.evaluate(
        "(button => { button.scrollIntoView();"
        "const { x, y, width, height } = button.getBoundingClientRect();"
        "return [x + width / 2, y + height / 2]; })(document.querySelector('[data-action=\"1\"]'))"
    )
    mouse = {"x": place[0], "y": place[1], "button": "left", "clickCount": 1}
    browser.call("Input.dispatchMouseEvent", type="mousePressed", **mouse)
    browser.wait(f"document.querySelector('{YOUR_FUEL}').textContent.startsWith('{MINUS}')")
    browser.call("Input.dispatchMouseEvent", type="mouseReleased", **mouse)
    assert browser.complaints == []


def test_a_link_opens_one_landing_on_one_moon(page: Open) -> None:
    browser = page("#seed=42&gravity=-7.5&enable_wind=true&wind_power=12.5")
    values = "['seed', 'gravity', 'wind-power'].map((id) => document.getElementById(id).value)"
    assert browser.evaluate(values) == ["42", "-7.5", "12.5"]
    assert text(browser, "#gravity-value") == f"{MINUS}7.5 m/s²"
    assert browser.evaluate("document.querySelector('#wind').checked") is True
    assert browser.evaluate("location.hash") == "#seed=42&enable_wind=true&gravity=-7.5&wind_power=12.5"
    click(browser, "#pause")
    # That these episodes are Gymnasium's too is checked in node.
    assert len(score(browser)["episodes_sha256"]) == 64
    options = "--env-arg enable_wind=true --env-arg gravity=-7.5 --env-arg wind_power=12.5"
    assert f" {options} " in text(browser, "#command")
    browser.evaluate("document.querySelector('#seed').value = 42")
    browser.evaluate("document.querySelector('#seed').dispatchEvent(new Event('change'))")
    click(browser, "#usual")
    assert browser.evaluate("location.hash") == "#seed=42"
    assert browser.complaints == []


def test_a_seed_that_cannot_be_is_refused_with_the_reason(page: Open) -> None:
    browser = page("#seed=42")
    for bad in ("-5", "1e3", "", "9007199254740992", "moon"):
        give_seed(browser, bad)
        assert text(browser, "#seed-told").startswith("A seed is a whole number from 0 to 9007199254740991")
        assert browser.evaluate("document.querySelector('#seed').ariaInvalid") == "true"
        assert browser.evaluate("location.hash") == "#seed=42"
    give_seed(browser, " 43 ")
    assert browser.evaluate("document.querySelector('#seed-told').hidden") is True
    assert browser.evaluate("location.hash") == "#seed=43"


def give_seed(browser: Chromium, seed: str) -> None:
    field = "document.querySelector('#seed')"
    browser.evaluate(f"{field}.value = '{seed}', {field}.dispatchEvent(new Event('change'))")


@pytest.mark.parametrize(
    "fragment", ["#seed=-1", "#seed=1e99", "#seed=x&gravity=5&wind_power=x", "#%", "#enable_wind=maybe"]
)
def test_an_address_that_means_nothing_is_passed_over(page: Open, fragment: str) -> None:
    browser = page(fragment)
    browser.wait(FLIES)
    assert browser.complaints == []


def test_a_good_file_flies_and_bad_ones_are_refused_with_the_reason(page: Open, bad_files: list[Any]) -> None:
    browser = page()
    for bad in bad_files:
        browser.choose("#file", bad.file)
        browser.wait(
            f"document.querySelector('#file-told').textContent.startsWith('{bad.file.name} is refused')"
        )
        assert bad.words in text(browser, "#file-told")
        # What flew before still flies.
        assert text(browser, "#policy-told").startswith("Flying: models/lunarlander-v3/policy.onnx")
    browser.choose("#file", DATA / "tiny-discrete.onnx")
    browser.wait("document.querySelector('#file-told').textContent.includes('passes its golden vectors')")
    assert text(browser, "#policy-told") == "Flying: tiny-discrete.onnx, for LunarLander-v3."
    assert browser.evaluate("document.querySelector('#file-told').classList.contains('refused')") is False
    assert browser.complaints == []


def test_a_policy_of_throttles_and_one_of_another_library(page: Open) -> None:
    browser = page()
    browser.choose("#file", DATA / "tiny-continuous.onnx")
    browser.wait("document.querySelector('#action-caption').textContent.startsWith('Throttles')")
    assert browser.evaluate("document.querySelectorAll('#action tr').length") == 2
    found = score(browser)
    assert "the last digits of returns differ" in text(browser, "#alike")
    if has_fma():
        report = lander_rl.evaluate(DATA / "tiny-continuous.onnx", episodes=100)
        assert found["episodes_sha256"] == report.to_json()["episodes_sha256"]
    click(browser, "#fly")
    click(browser, "#fly")
    browser.choose("#file", DATA / "cleanrl-agent.onnx")
    browser.wait("document.querySelector('#policy-told').textContent.includes('cleanrl-agent')")
    assert "nothing says what it was trained for" in text(browser, "#file-told")
    assert browser.evaluate("document.querySelectorAll('#action tr').length") == 4
    # Its scores need not be probabilities: the table only says which action it takes.
    browser.wait("document.querySelectorAll('#action tr.taken').length === 1")
    assert text(browser, "#action-caption") == "Action of the policy"
    assert "%" not in text(browser, "#action")
    assert browser.complaints == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_the_window(page: Open, width: int, dark: bool, tmp_path: Path) -> None:
    browser = page()
    browser.size(width, 800, dark=dark)
    click(browser, "#fly")
    if not dark:
        score(browser)
    browser.choose("#file", DATA / "sb3-ppo-continuous.onnx")
    browser.wait("document.querySelector('#policy-told').textContent.includes('sb3')")
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    # Nothing to press is smaller than the 24 pixels of WCAG 2.2.
    small = "[...document.querySelectorAll('button, select, input')].filter((one) => one.checkVisibility())"
    sizes = browser.evaluate(f"{small}.map((one) => [one.id, one.offsetHeight])")
    assert [size for size in sizes if size[1] < 19] == []
    browser.picture(tmp_path / f"{width}-{'dark' if dark else 'light'}.png")
    assert browser.complaints == []


def test_everything_to_use_has_a_name(page: Open) -> None:
    """As the browser tells it to a screen reader."""
    browser = page()
    click(browser, "#fly")
    browser.call("Accessibility.enable")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "checkbox", "combobox", "slider", "spinbutton", "application", "image", "textbox"}
    used = [node for node in nodes if not node.get("ignored") and node["role"]["value"] in roles]
    assert len(used) > 12
    assert [node["role"]["value"] for node in used if not node["name"].get("value", "").strip()] == []


def test_nothing_but_its_own_script_runs(page: Open, built: Path, tmp_path: Path) -> None:
    """Shows that the content security policy is in force, and that an empty console proves something."""
    html = (built / "lander.html").read_text(encoding="utf-8")
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(html.replace("</footer>", "</footer><script>document.title = 'run'</script>"))
    browser = page(file=spoiled)
    assert browser.evaluate("document.title") == "Land on the moon"
    assert any("Content Security Policy" in line for line in browser.complaints)
    assert "unsafe-inline" not in html
    assert "'unsafe-eval'" not in html


def test_a_page_whose_policy_is_refused_takes_another(
    page: Open, bad_files: list[Any], built: Path, tmp_path: Path
) -> None:
    html = (built / "lander.html").read_text(encoding="utf-8")
    other = tmp_path / "other.html"
    other.write_text(re.sub(r'(id="policy">)[^<]*', r"\g<1>AAAA", html))
    browser = page(file=other)
    assert "does not fly" in text(browser, "#fault")
    assert "is refused" in text(browser, "#file-told")
    browser.choose("#file", SHIPPED)
    browser.wait("document.querySelector('#fault').hidden")
    browser.wait(FLIES)
    assert browser.complaints == []


def test_lander_play_serves_the_page_with_its_policy_and_seed(browser: Chromium, built: Path) -> None:
    page = make_page(PlayRequest(policy=DATA / "tiny-discrete.onnx", seed=77))
    with serving(page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            browser.open(address_of(server))
            browser.wait("location.hash === '#seed=77'")
            assert text(browser, "#policy-told").startswith("Flying: tiny-discrete.onnx,")
            browser.wait(FLIES)
        finally:
            server.shutdown()
            thread.join()
    assert browser.complaints == []
