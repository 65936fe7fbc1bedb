"""`lander export --format triton`: what it takes, what it writes, what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_runtime import Policy

Lander = Callable[..., Any]


def test_a_model_repository(lander: Lander, tiny: Path) -> None:
    outcome = lander("export", tiny, "--format", "triton", "--out", "models")

    assert outcome.code == 0
    assert sorted(str(path) for path in Path("models").rglob("*.*")) == [
        "models/tiny/1/model.onnx",
        "models/tiny/config.pbtxt",
    ]
    assert 'name: "tiny"' in Path("models/tiny/config.pbtxt").read_text()
    observation = np.ones((3, 8), np.float32)
    written, original = Policy.load("models/tiny/1/model.onnx", "cpu"), Policy.load(tiny, "cpu")
    assert written.act(observation).tolist() == original.act(observation).tolist()
    assert written.info == original.info
    assert outcome.next == "tritonserver --model-repository models"


def test_json_and_a_name(lander: Lander, tiny: Path) -> None:
    outcome = lander("export", tiny, "--format", "triton", "--name", "my-lander.v2", "--json")

    assert json.loads(outcome.out) == {
        "schema": "lander.triton/1",
        "name": "my-lander.v2",
        "model": "triton/my-lander.v2/1/model.onnx",
        "config": "triton/my-lander.v2/config.pbtxt",
    }


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--name", 'a" }'], 2, "cannot stand in an address"),
        (["--name", "../up"], 2, "cannot stand in an address"),
        (["--episodes", "3"], 2, "--episodes goes with --format onnx"),
        (["--env", "LunarLander-v3"], 2, "--env goes with --format onnx or c"),
        (["--license", "MIT"], 2, "--license goes with --format onnx or c"),
        (["--output", "action"], 2, "--output goes with --format c"),
    ],
)
def test_what_does_not_go_with_it(
    lander: Lander, tiny: Path, options: list[str], code: int, sentence: str
) -> None:
    outcome = lander("export", tiny, "--format", "triton", *options)

    assert outcome.code == code
    assert sentence in outcome.message
    assert not Path("triton").exists()


def test_a_checkpoint_is_exported_first(lander: Lander, barely_trained: Path) -> None:
    outcome = lander("export", barely_trained / "best.safetensors", "--format", "triton")

    assert outcome.code == 3
    assert "lander export" in outcome.message
