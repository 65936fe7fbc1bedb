"""The page of pictures: built from a policy, and what it computes in Chromium, by onnxruntime-web."""

import functools
import http.server
import importlib.util
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from chromium import Chromium
from lander_runtime.spec import Space

ROOT = Path(__file__).parents[2]
DOOM = ROOT / "models" / "doom-basic-v1" / "policy.onnx"


def load_build() -> ModuleType:
    """Under another name than examples/browser/build.py has."""
    spec = importlib.util.spec_from_file_location("build_images", ROOT / "examples" / "images" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build = load_build()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 (its parent's name)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page with an episode of Doom."""
    pytest.importorskip("vizdoom", reason="vizdoom is not installed here (the extra doom)")
    runtime = ROOT / "build" / "images"
    if not all((runtime / name).is_file() for name in build.RUNTIME_FILES):
        pytest.skip("onnxruntime-web is not here; type: make images")
    out = tmp_path_factory.mktemp("images")
    for name in build.RUNTIME_FILES:
        shutil.copy(runtime / name, out)
    build.build(DOOM, 1_000_003, out)
    handler = functools.partial(Quiet, directory=str(out))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        thread.join()


def text(browser: Chromium, selector: str) -> str:
    return browser.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def test_the_network_in_the_page_acts_as_the_recorded_one(browser: Chromium, page: str) -> None:
    browser.size(1280, 900)
    browser.open(page)
    browser.wait(
        "document.documentElement.dataset.ready === 'true'",
        told=lambda: text(browser, "#fault"),
    )
    assert "VizdoomBasic-v1, seed 1000003" in text(browser, "#env")
    browser.evaluate("document.querySelector('#check').click()")
    browser.wait("document.querySelector('#result').textContent !== ''")
    result = text(browser, "#result")
    same, _, steps = result.split()[:3]
    assert (same, int(steps) > 1) == (steps, True), result
    assert float(result.split()[-2]) < 1e-4, result
    assert browser.complaints == []


def test_it_plays_and_stops_at_the_end(browser: Chromium, page: str) -> None:
    browser.size(320, 800, dark=True)
    browser.open(page)
    browser.wait("document.documentElement.dataset.ready === 'true'")
    last = int(browser.evaluate("document.querySelector('#slider').max"))
    shares = browser.evaluate("[...document.querySelectorAll('meter')].map((meter) => meter.value)")
    assert sum(shares) == pytest.approx(1.0)
    assert text(browser, "#now").startswith("It would choose: ")
    # The picture is no longer one colour.
    drawn = (
        "new Set(document.querySelector('#picture').getContext('2d').getImageData(0, 0, 80, 60).data).size"
    )
    assert browser.evaluate(drawn) > 10
    browser.evaluate("document.querySelector('#play').click()")
    browser.wait(f"document.querySelector('#step').textContent === '{last + 1} of {last + 1}'")
    browser.wait("document.querySelector('#play').textContent === 'Play'")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 320
    assert browser.complaints == []


def test_a_page_without_its_episode_says_so(browser: Chromium, page: str) -> None:
    browser.open(page)
    browser.wait("document.documentElement.dataset.ready === 'true'")
    assert browser.evaluate("document.querySelector('#fault').hidden")
    browser.call("Network.enable")
    browser.call("Network.setBlockedURLs", urls=["*episode.json"])
    browser.open(page)
    browser.wait("!document.querySelector('#fault').hidden")
    assert text(browser, "#fault").startswith("This page cannot run: ")
    browser.call("Network.setBlockedURLs", urls=[])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 60, 80), (3 * 4800, 60, 80, 1)),
        ((2, 60, 80, 3), (14400, 60, 80, 3)),
        ((96, 96, 3), (0, 96, 96, 3)),
        ((64, 64, 1), (0, 64, 64, 1)),
        ((84, 84), (0, 84, 84, 1)),
        ((8,), None),
        ((2, 2, 8, 8, 3), None),
    ],
)
def test_where_the_newest_picture_is(
    shape: tuple[int, ...], expected: tuple[int, int, int, int] | None
) -> None:
    found = build.picture_layout(Space("Box", shape, "uint8"))
    assert (None if found is None else tuple(found.values())) == expected


def test_a_policy_of_numbers_has_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(build.NotBuilt, match="does not look at pictures"):
        build.build(ROOT / "models" / "lunarlander-v3" / "policy.onnx", 1, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_without_npm_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    with pytest.raises(build.NotBuilt, match="npm is not here"):
        build.fetch_runtime(tmp_path)
