"""`lander play`: the page with a policy in it, written or served."""

import base64
import json
import re
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

import lander_rl
from lander_rl.watching import playing
from lander_runtime import MachineLacks

Lander = Callable[..., Any]

TEMPLATE = """<html><head><meta http-equiv="Content-Security-Policy" content="default-src 'none'"></head>
<script type="application/json" id="settings">{}</script>
<script type="text/plain" id="policy">AAAA</script>
<script type="text/plain" id="physics">BBBB</script></html>
"""


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that is built as far as this command can see: blocks of data."""
    folder = tmp_path / "installed"
    (folder / "browser").mkdir(parents=True)
    (folder / "browser" / "lander.html").write_text(TEMPLATE)
    monkeypatch.setattr(playing, "_HERE", folder)
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    data = Path(__file__).parents[2] / "data"
    return Path(shutil.copy(data / "tiny-discrete.onnx", tmp_path / "tiny.onnx"))


def blocks(html: str) -> dict[str, str]:
    return dict(re.findall(r'id="(\w+)">([^<]*)</script>', html))


def test_the_page_holds_the_policy_its_name_and_the_seed(lander: Lander, built: Path, tiny: Path) -> None:
    named = tiny.rename(tiny.parent / "a <b> & c.onnx")
    found = lander("play", named, "--seed", "1_000_007", "--out", "new/page.html")
    assert (found.code, found.out) == (0, f"page    new/page.html\npolicy  {named}\n")
    assert found.next == f"lander eval '{named}' --episodes 100"
    parts = blocks(Path("new/page.html").read_text())
    assert base64.b64decode(parts["policy"]) == named.read_bytes()
    assert json.loads(parts["settings"]) == {"name": named.name, "seed": 1_000_007}
    # Nothing else of the disk of the person who sends the page.
    assert str(tiny.parent) not in Path("new/page.html").read_text()
    assert parts["physics"] == "BBBB"


def test_without_a_name_it_takes_the_policy_that_ships(lander: Lander, built: Path) -> None:
    found = lander("play", "--out", "page.html", "--json")
    assert found.code == 0
    shown = json.loads(found.out)
    assert (shown["schema"], shown["page"]) == ("lander.play/1", "page.html")
    assert shown["policy"].endswith("lunarlander-v3/policy.onnx")
    assert json.loads(blocks(Path("page.html").read_text())["settings"])["seed"] is None


def test_a_file_of_another_library_is_left_to_the_page(lander: Lander, built: Path) -> None:
    theirs = Path(__file__).parents[2] / "data" / "cleanrl-agent.onnx"
    assert lander("play", theirs, "--out", "page.html").code == 0
    assert base64.b64decode(blocks(Path("page.html").read_text())["policy"]) == theirs.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("missing.onnx", "--out", "page.html"), 3, "missing.onnx"),
        (("models/doom-basic-v1/policy.onnx", "--out", "page.html"), 3, "acts in VizdoomBasic-v1"),
        (("notes.onnx", "--out", "page.html"), 3, "notes.onnx"),
        (("--out", "page.txt"), 2, "ends in .html"),
        (("--seed", str(2**53), "--out", "page.html"), 2, "--seed should be"),
        (("--seed", "-1", "--out", "page.html"), 2, "--seed"),
    ],
)
def test_what_cannot_be_played(
    lander: Lander, built: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    Path("notes.onnx").write_text("not a network")
    Path("models").symlink_to(Path(__file__).parents[3] / "models")
    found = lander("play", *arguments)
    assert found.code == code
    assert words in found.err
    assert not Path("page.html").exists()


def test_where_the_page_is_not_built_it_says_what_to_type(
    lander: Lander, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "_HERE", tmp_path / "nowhere" / "lander_rl")
    found = lander("play", tiny)
    assert (found.code, found.message) == (
        4, "The page is not built here. In a checkout of lander, type: make browser",
    )  # fmt: skip
    with pytest.raises(MachineLacks):
        lander_rl.play(tiny)


def test_python_writes_the_page_and_names_arguments(built: Path, tiny: Path) -> None:
    page = lander_rl.play(tiny, "page.html", seed=3)
    assert page.path == Path("page.html")
    assert repr(page).splitlines() == ["page    page.html", f"policy  {tiny} (as named)"]
    with pytest.raises(lander_rl.UsageError, match=r"^seed should be"):
        lander_rl.play(tiny, "page.html", seed=-1)


def test_it_serves_the_page_to_this_machine_until_ctrl_c(start: Any, built: Path, tiny: Path) -> None:
    imports = "from pathlib import Path; from lander_rl.watching import playing"
    here = f"{imports}; playing._HERE = Path({str(built)!r})"
    child = start("play", tiny, "--seed", "8", "--no-open", prelude=here)
    child.wait_until(lambda: "Next: " in child.err.read_text())
    assert child.err.read_text() == (
        "Open the address in a browser. Ctrl-C stops it. The policy: as named.\n\n"
        f"Next: lander eval {tiny} --episodes 100\n"
    )
    address = re.search(r"http://127\.0\.0\.1:(\d+)/", child.out.read_text())
    assert address
    with urllib.request.urlopen(address[0], timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert json.loads(blocks(answer.read().decode())["settings"])["seed"] == 8
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address[0] + "etc/passwd", timeout=10)
    # As a web site would ask that had its own name point here.
    connection = HTTPConnection("127.0.0.1", int(address[1]), timeout=10)
    connection.request("GET", "/", headers={"Host": "attacker.example"})
    assert connection.getresponse().status == 403
    connection.close()
    child.process.send_signal(signal.SIGINT)
    ended = child.end()
    assert ended.code == 130
    assert "Traceback" not in ended.err
