"""`lander inspect`: what a file says about itself, after it has proved it here."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lander_runtime.files import sha256_of
from lander_runtime.graphs.model import METADATA_KEY

Lander = Callable[..., Any]


def metadata_of(path: Path) -> dict[str, Any]:
    [entry] = onnx.load(path).metadata_props
    assert entry.key == METADATA_KEY
    return json.loads(entry.value)


def change_metadata(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    model, metadata = onnx.load(path), metadata_of(path)
    change(metadata)
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(metadata)})
    onnx.save(model, path)


def test_json_is_the_stored_metadata(lander: Lander, tiny: Path) -> None:
    found = lander("inspect", tiny, "--json")
    assert found.code == 0
    assert json.loads(found.out) == metadata_of(tiny)


def test_truth_values_are_written_as_they_are_typed(lander: Lander, tiny: Path) -> None:
    change_metadata(tiny, lambda data: data["training"].update(config={"gae": True, "clip_value": False}))
    assert "gae true, clip_value false" in lander("inspect", tiny).out


def test_it_shows_the_metadata_to_people(lander: Lander, tiny: Path) -> None:
    found = lander("inspect", tiny)
    assert found.code == 0
    rows = [(line[:13].strip(), line[13:]) for line in found.out.splitlines()]
    values = {name: value for name, value in rows if name}
    metadata = metadata_of(tiny)
    assert values["policy"] == str(tiny)
    assert values["environment"] == "LunarLander-v3"
    assert values["time limit"] == "1000 steps"
    assert values["observation"] == "float32 [8]"
    assert values["action"] == "one of 4"
    assert values["seed"] == "20240601"
    assert values["steps"] == "unknown"
    assert values["score"] == "none claimed"
    assert values["self-test"].startswith("passed here")
    assert values["licence"] == "MIT"
    assert values["weights"] == f"sha256 {metadata['weights_sha256']}, as the file claims"
    assert values["file"] == f"{tiny.stat().st_size:,} bytes, sha256 {sha256_of(tiny.read_bytes())}"
    named = [value for name, value in rows if not name]
    described = [*metadata["observation"]["components"], *metadata["action"]["components"]]
    assert len(named) == len(described) == 12
    assert all(component["name"] in line for component, line in zip(described, named, strict=True))
    assert found.next == f"lander eval {tiny} --episodes 10"


def test_a_score_is_shown_with_its_interval(lander: Lander, tiny: Path) -> None:
    score = {
        "episodes": 1000, "first_seed": 1_000_000, "deterministic": True, "mean_return": 281.25,
        "std_return": 18.125, "ci95": [280.0, 282.5], "iqm_return": 282.0, "min_return": 100.0,
        "max_return": 320.0, "success_rate": 0.99, "mean_length": 230.5,
    }  # fmt: skip
    change_metadata(tiny, lambda metadata: metadata.update(evaluation=score))
    found = lander("inspect", tiny).out
    expected = "281.2 ± 18.1 (95% interval 280.0 to 282.5) over 1,000 episodes from seed 1000000, "
    expected += "claimed by the file"
    assert re.search(rf"^score +{re.escape(expected)}$", found, re.MULTILINE)


def test_a_continuous_policy_is_described_too(lander: Lander, tiny_continuous: Path) -> None:
    found = lander("inspect", tiny_continuous)
    assert found.code == 0
    assert "environment  LunarLanderContinuous-v3" in found.out
    assert "action       float32 [2]" in found.out


@pytest.mark.parametrize("options", [[], ["--json"]])
class TestATamperedFile:
    def test_other_golden_outputs(self, lander: Lander, tiny: Path, options: list[str]) -> None:
        def nudge(metadata: dict[str, Any]) -> None:
            metadata["golden"]["outputs"]["logits"][3][1] += 0.01

        change_metadata(tiny, nudge)
        found = lander("inspect", tiny, *options)
        assert (found.code, found.out) == (1, "")
        assert "golden outputs differ" in found.message

    def test_other_weights(self, lander: Lander, tiny: Path, options: list[str]) -> None:
        model = onnx.load(tiny)
        [bias] = [tensor for tensor in model.graph.initializer if tensor.name == "head.bias"]
        bias.CopyFrom(onnx.numpy_helper.from_array(np.array([0, 0, 9, 0], np.float32), "head.bias"))
        onnx.save(model, tiny)
        found = lander("inspect", tiny, *options)
        assert (found.code, found.out) == (1, "")
        assert "its weights have the SHA-256" in found.message


@pytest.mark.parametrize("claim", [{"weights_sha256": "0" * 64}, {"weights_sha256": "A" * 64}])
def test_elsewhere_a_file_that_is_not_as_it_claims_is_refused(
    lander: Lander, tiny: Path, claim: dict[str, str]
) -> None:
    change_metadata(tiny, lambda metadata: metadata.update(claim))
    found = lander("eval", tiny, "--episodes", "1", "--gif-episodes", "none")
    assert (found.code, found.out) == (3, "")


def test_a_file_cannot_command_the_terminal(lander: Lander, tiny: Path) -> None:
    """Text from a stranger: escape sequences, rich's markup, lines of its own."""
    hostile = "\x1b]0;owned\x07 \x9b31m [bold red]MIT[/] :bomb:\nself-test    passed here"
    change_metadata(tiny, lambda metadata: metadata.update(license=hostile))
    found = lander("inspect", tiny)
    assert found.code == 0
    assert not set("\x1b\x07\x9b") & set(found.out + found.err)
    assert "[bold red]MIT[/] :bomb:" in found.out
    assert found.out.count("\nself-test") == 1


@pytest.mark.parametrize("content", [b"", b"onnx?", b"\x08\x0a\x12\xff" * 50])
def test_what_is_no_policy_is_refused(lander: Lander, content: bytes) -> None:
    Path("stranger.onnx").write_bytes(content)
    found = lander("inspect", "stranger.onnx")
    assert (found.code, found.out) == (3, "")
    assert "stranger.onnx" in found.message


def test_an_onnx_file_without_metadata_is_refused_with_what_to_do(lander: Lander, tiny: Path) -> None:
    model = onnx.load(tiny)
    del model.metadata_props[:]
    onnx.save(model, tiny)
    found = lander("inspect", tiny)
    assert found.code == 3
    assert METADATA_KEY in found.message
    assert "lander export" in found.message
