"""Files without our metadata: those in tests/data, and how such a file is opened."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from lander_runtime import EnvSpec
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.scores.report import RUN_KEYS, Report

DATA = Path(__file__).parents[2] / "data"
GOLDEN = json.loads((DATA / "foreign-policies.json").read_text(encoding="utf-8"))
FILES = sorted(GOLDEN["files"])
DISCRETE, CONTINUOUS = "LunarLander-v3", "LunarLanderContinuous-v3"
MEAN = {"cleanrl-continuous.onnx": "mean"}
"""Outputs that have to be named: beside a deviation, a mean may be of before its tanh."""

Graph = Callable[..., onnx.ModelProto]


def golden_observations() -> NDArray[np.float32]:
    return np.array(GOLDEN["observations"], np.float32)


def what_was_found(report: Report) -> dict[str, Any]:
    return {key: value for key, value in report.to_json().items() if key not in RUN_KEYS}


def load(model: onnx.ModelProto, env: EnvSpec | str = DISCRETE, output: str | None = None) -> ForeignPolicy:
    return ForeignPolicy.from_bytes(model.SerializeToString(), Path("stranger.onnx"), env, "cpu", output)


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)
