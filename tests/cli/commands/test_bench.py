"""`lander bench`: what it prints, and its exit codes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_export.twins import in_torch
from lander_runtime.checks import timing
from lander_runtime.policy import content

Lander = Callable[..., Any]
DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(timing, "_SECONDS", 0.001)
    return Path(shutil.copy(DATA / "tiny-discrete.onnx", "tiny.onnx"))


def test_a_table_and_a_picture(lander: Lander, tiny: Path) -> None:
    found = lander("bench", tiny, "--batch", "1", "--batch", "2", "--plot", "speeds.png")
    assert found.code == 0
    assert found.err.startswith("Measuring tiny.onnx (as named)\n")
    assert found.out.split("\n")[0].split() == [
        "runtime", "batch", "p50", "p99", "actions/s", "agreement", "score",
    ]  # fmt: skip
    assert Path("speeds.png").read_bytes().startswith(b"\x89PNG")
    assert found.next == "lander verify tiny.onnx --all-runtimes"


def test_json_is_one_object(lander: Lander, tiny: Path) -> None:
    said = json.loads(lander("bench", tiny, "--batch", "2", "--json").out)
    assert (said["schema"], said["policy"], said["picture"]) == ("lander.bench/1", "tiny.onnx", None)
    assert {row["batch"] for row in said["rows"]} == {2}
    assert all(row["agrees"] for row in said["rows"])


def test_a_wrong_row_is_exit_1(lander: Lander, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        in_torch, "torch_twin", lambda material: lambda observations: np.ones(len(observations), np.int64)
    )
    found = lander("bench", tiny, "--batch", "50")
    assert found.code == 1
    assert found.message.endswith("PyTorch CPU.")
    assert "WRONG" in found.out


def test_usage(lander: Lander, tiny: Path) -> None:
    found = lander("bench", tiny, "--batch", "0")
    assert (found.code, found.out) == (2, "")
    assert "--batch" in found.message
    found = lander("bench", tiny, "--plot", "speeds.gif")
    assert (found.code, found.err.count("\n")) == (2, 1), "refused before anything is measured"
    assert lander("bench", "nothing.onnx").code == 3
    assert lander("bench", tiny, "--episodes", "-1").code == 2


def test_a_large_policy_has_to_be_meant(lander: Lander, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "USUAL_FILE_BYTES", 1_000)
    asked = ["bench", tiny, "--batch", "1", "--episodes", "0"]
    assert "add: --large" in lander(*asked).message
    found = lander(*asked, "--large")
    assert found.code == 0, found.err
    assert "ONNX Runtime CPU, bound" in found.out
