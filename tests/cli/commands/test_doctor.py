"""`lander doctor`: what it prints, and its exit codes."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from lander_runtime.checks import doctor
from lander_runtime.checks.doctor import Answer
from lander_runtime.checks.outcome import failed, not_checked, passed

Lander = Callable[..., Any]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """(checks) -> the doctor finds these."""
    return lambda *checks: monkeypatch.setattr(doctor, "examine", lambda: list(checks))


def test_all_that_is_installed_works(lander: Lander, found: Callable[..., None]) -> None:
    found(passed("CPU", "runs"), not_checked("extra doom", "not installed: vizdoom", "pip install x"))
    said = lander("doctor")
    assert said.code == 0
    rows = dict(re.findall(r"^(\w+(?: \w+)*)  +(.*)$", said.out, re.MULTILINE))
    assert rows == {
        "CPU": "works: runs",
        "extra doom": "not here: not installed: vizdoom. Type: pip install x",
    }
    assert said.next == "lander eval"


def test_what_is_installed_and_does_not_work_is_exit_1(lander: Lander, found: Callable[..., None]) -> None:
    found(passed("CPU", "runs"), failed("CUDA", "missing: libcudnn.so.9", "pip install y"))
    said = lander("doctor", "--json")
    assert said.code == 1
    assert said.message == "Installed here, and does not work: CUDA. Type: pip install y"
    data = json.loads(said.out)
    assert (data["schema"], data["healthy"], data["advice"]) == ("lander.doctor/1", False, ["pip install y"])
    assert data["checks"][0] == {"name": "CPU", "outcome": "passed", "found": "runs"}


def test_on_this_machine(lander: Lander, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extras take long to import, so here only the rest is tried."""
    monkeypatch.setattr(doctor, "extras", dict)
    said = lander("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(said.out)["checks"]}
    assert checks["CPU"]["found"] == "opens a session and runs"
    assert {"python", "onnxruntime", "CUDA versions", "simulator"} <= set(checks)
    assert said.code == int(any(check["outcome"] == "failed" for check in checks.values()))


def test_a_simulator_that_works_names_its_vectors(lander: Lander, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "extras", dict)
    monkeypatch.setattr(doctor, "_try", lambda trial, argument="": Answer(trial == "simulator", "4"))
    assert "4 lanes in a vector" in lander("doctor").out
