"""The soak test counts what it did, and growth after the warm-up is what it says."""

import json
import sys
from pathlib import Path

import pytest

import soak


def test_a_few_loads_and_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "soak.json"
    monkeypatch.setattr(soak, "AT_ONCE", {"loads": 2, "scored": 1, "flights": 1})
    monkeypatch.setattr(sys, "argv", ["soak.py", "--episodes", "2", "--loads", "5", "--out", str(out)])
    soak.main()
    found = json.loads(out.read_text())
    assert found["loads"]["done"] == [0, 2, 4, 5]
    assert found["scored"]["done"] == found["flights"]["done"] == [0, 1, 2]
    assert len(found["loads"]["megabytes"]) == len(found["loads"]["seconds"]) == 4
    assert capsys.readouterr().out.startswith("5 loads in ")


def test_growth_is_counted_after_the_warm_up() -> None:
    curve = {"done": list(range(11)), "megabytes": [50.0, 90.0, 100.0, *[100.5] * 8], "seconds": [0.0] * 11}
    assert soak.growth(curve) == 0.5


def test_it_stops_when_time_is_over() -> None:
    assert soak.curve(lambda first, count: pytest.fail("too late"), 10, 1, 0.0)["done"] == [0]
