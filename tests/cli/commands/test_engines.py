"""`lander eval --engine`: a cluster gives what processes give, and says in words what it cannot do."""

import json
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lander = Callable[..., Any]
Start = Callable[..., Any]


def test_a_cluster_of_this_machine_gives_the_same_report(lander: Lander, start: Start, tiny: Path) -> None:
    """In a process of its own, so that what Ray changes in a process stays there."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'lander-rl[ray]'")
    arguments = ["eval", tiny, "--episodes", "3", "--json"]
    found = start(*arguments, "--engine", "ray", "--workers", "1").end()
    assert found.code == 0, found.err
    report = json.loads(found.out)
    assert report["engine"] == "ray, 1 CPU"
    assert report["report_sha256"] == json.loads(lander(*arguments).out)["report_sha256"]
    assert [line for line in found.err.splitlines() if line][1:3] == [
        "Starting Ray on this machine",
        "Running on ray, 1 CPU",
    ]


def test_without_ray_it_says_what_to_install(start: Start, tiny: Path) -> None:
    """`sys.modules[name] = None` is Python's own way of having a module be absent."""
    prelude = "import sys; sys.modules['ray'] = None"
    found = start("eval", tiny, "--episodes", "1", "--engine", "ray", "--json", prelude=prelude).end()
    assert (found.code, found.out) == (4, "")
    assert "pip install 'lander-rl[ray]'" in found.message


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--ray-address", "auto"], "--engine ray"),
        (["--engine", "ray", "--ray-address", "auto", "--workers", "2"], "--workers"),
        (["--engine", "ray", "--render", "human"], "--render"),
        (["--engine", "ray", "--workers", "9999"], "9,999 workers"),
        (["--engine", "spark"], "spark"),
    ],
)
def test_options_that_do_not_go_together(
    lander: Lander, tiny: Path, arguments: list[str], named: str
) -> None:
    found = lander("eval", tiny, "--episodes", "1", "--json", *arguments)
    assert (found.code, found.out) == (2, "")
    assert named in found.err


def test_sigterm_ends_the_cluster_too(start: Start, tiny: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'lander-rl[ray]'")
    before = set(Path(tempfile.gettempdir()).glob("lander-ray-*"))
    child = start("eval", tiny, "--episodes", "1e6", "--engine", "ray", "--json")
    child.wait_until(lambda: "Running on" in child.err.read_text())
    child.process.send_signal(signal.SIGTERM)
    assert child.end().code == 143
    assert set(Path(tempfile.gettempdir()).glob("lander-ray-*")) <= before
