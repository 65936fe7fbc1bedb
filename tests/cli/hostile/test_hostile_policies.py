"""Hostile texts in every field of a policy file, through every command that reads it."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

import lander_rl
from hostile_texts import (
    EVIL,
    HALF,
    KEY,
    MARKED,
    Planted,
    check_html,
    check_json,
    check_lines,
    named,
    places_in,
    planted,
    tried,
)
from lander_runtime.graphs.model import METADATA_KEY

FREE: tuple[Planted, ...] = (
    ("observation", "components", 0, "name"), ("observation", "components", 0, "unit"),
    ("action", "components", 0, "name"), ("training", "algorithm"), ("training", "platform"),
    ("training", "config", "text"), ("training", "config", "text", KEY),
    ("training", "versions", "numpy"), ("training", "versions", "numpy", KEY),
    ("evaluation", "outcome_counts", "landed", KEY), ("evaluation", "mean_measures", "x", KEY),
    ("license",), ("created",),
)  # fmt: skip
"""What a policy file may say as it likes."""


@pytest.fixture(scope="module")
def told(tiny_path: Path) -> dict[str, Any]:
    """The metadata of a policy file, with something in every field."""
    [entry] = onnx.load(tiny_path).metadata_props
    data = json.loads(entry.value)
    data["env"]["kwargs"] = {"enable_wind": True}
    data["training"].update(config={"text": "a", "list": [["a"]]}, versions={"numpy": "2"})
    figures = dict.fromkeys(("mean_return", "iqm_return", "min_return", "max_return", "mean_length"), 9.0)
    data["evaluation"] = {
        **figures, "episodes": 1, "first_seed": 0, "deterministic": True, "std_return": 0.0, "ci95": None,
        "success_rate": 0.0, "cvar05_return": 9.0, "mean_minus_std": 9.0,
        "outcome_counts": {"landed": 1}, "mean_measures": {"x": 1.0},
    }  # fmt: skip
    data["golden"]["scale"] = {name: _ones(values) for name, values in data["golden"]["outputs"].items()}
    return data


def _ones(values: Any) -> Any:
    return [_ones(value) for value in values] if isinstance(values, list) else 1.0


def write_policy(tiny_path: Path, data: dict[str, Any], path: Path) -> Path:
    model = onnx.load(tiny_path)
    onnx.helper.set_model_props(model, {METADATA_KEY: "{}"})
    # Not through protobuf's text, which takes no halves of surrogate pairs: JSON writes them in ASCII.
    model.metadata_props[0].value = json.dumps(data)
    path.write_bytes(model.SerializeToString())
    return path


def test_every_text_of_a_policy(lander: Any, tiny_path: Path, told: dict[str, Any], tmp_path: Path) -> None:
    ways = list(places_in(told))
    assert {"env.id", "golden.outputs.action." + KEY, "training.config.list.0.0"} <= set(map(named, ways))
    for text in (EVIL, MARKED):
        for way in ways:
            path = write_policy(tiny_path, planted(told, way, text), tmp_path / "p.onnx")
            outcome = tried(lander, "inspect", path)
            tried(lander, "verify", path)
            assert (outcome.code == 0) >= (way in FREE), (way, outcome)
            if outcome.code == 0:
                tried(lander, "inspect", path, "--json")
                tried(lander, "verify", path, "--json")
                policy = lander_rl.Policy.load(path)
                check_lines(repr(policy))
                check_html(policy._repr_html_())


def test_half_a_surrogate_pair_is_no_text(
    lander: Any, tiny_path: Path, told: dict[str, Any], tmp_path: Path
) -> None:
    path = write_policy(tiny_path, planted(told, ("license",), HALF), tmp_path / "p.onnx")
    assert tried(lander, "inspect", path).code == 3


@pytest.fixture
def hostile_policy(tiny_path: Path, told: dict[str, Any], tmp_path: Path) -> Path:
    """Hostile wherever it may be."""
    data: Any = told
    for way in FREE:
        data = planted(data, way, EVIL if KEY in way or "name" in way else MARKED)
    return write_policy(tiny_path, data, tmp_path / "[bold]p`<b>.onnx")


def test_an_argument_that_is_text_is_refused_in_plain_words(
    lander: Any, told: dict[str, Any], tiny_path: Path, tmp_path: Path
) -> None:
    for text in (EVIL, MARKED):
        data = planted(told, ("env", "kwargs", "enable_wind"), text)
        assert tried(lander, "eval", write_policy(tiny_path, data, tmp_path / "p.onnx")).code == 3


def test_a_hostile_policy_is_scored(lander: Any, hostile_policy: Path, tmp_path: Path) -> None:
    page, report = tmp_path / "page", tmp_path / "report.json"
    few = ("--episodes", 2, "--workers", 1)
    scored = tried(
        lander, "eval", hostile_policy, *few, "--gif-episodes", "none", "--report", page, "--out", report
    )
    assert scored.code == 0
    check_html((page / "index.html").read_text())
    check_json((page / "report.json").read_text())
    check_json(report.read_text())
    assert tried(lander, "eval", hostile_policy, *few, "--json").code == 0
    assert tried(lander, "compare", hostile_policy, hostile_policy, *few).code == 0
    assert tried(lander, "compare", hostile_policy, report, "--json").code == 0
