"""The page in a real browser, which shows it without any complaint on its console."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")

Load = Callable[[Path], tuple[str, list[str]]]
"""(page) -> the document as the browser has built it, and the lines on its console."""


@pytest.fixture(scope="module")
def browser() -> str:
    for name in filter(shutil.which, _NAMES):
        # On some distributions this is only a script that says where to get the browser.
        if subprocess.run([name, "--version"], capture_output=True, timeout=60).returncode == 0:
            return name
    pytest.skip("no chromium here (Debian: apt-get install chromium)")


@pytest.fixture
def load(browser: str, tmp_path: Path) -> Load:
    def one(page: Path) -> tuple[str, list[str]]:
        done = subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--enable-logging=stderr",
                f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
            ],
            capture_output=True, encoding="utf-8", timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return one


def test_the_landers_page(load: Load, lander_page: Any) -> None:
    document, console = load(lander_page.path)
    assert console == []
    for text in (
        "tiny-discrete.onnx in LunarLander-v3",
        "Trajectories.",
        "The best episode",
        "How it was made",
    ):
        assert text in document
    assert document.count("<svg") == lander_page.html.count("<svg")
    assert document.count("<path") == lander_page.html.count("<path")


def test_a_page_of_attacks_runs_none(load: Load, hostile_page: Any) -> None:
    document, console = load(hostile_page.path)
    assert console == []
    # Nothing broke out of its element: the browser found the elements that were written, and no others.
    written = hostile_page.read()
    built = type(written)(document)
    assert built.count("script") == 0
    assert [tag for tag, _ in built.elements] == [tag for tag, _ in written.elements]
    assert "onerror=alert" in built.text


def test_a_script_would_have_been_refused_and_noticed(load: Load, lander_page: Any, tmp_path: Path) -> None:
    """Shows that an empty console proves something: here it is not empty."""
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(lander_page.html.replace("</body>", "<script>document.title='run'</script></body>"))
    document, console = load(spoiled)
    assert "<title>run" not in document
    assert any("Content Security Policy" in line for line in console)
