"""`verify`: each thing that can be wrong with a file is found, and nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lander_runtime import Policy, evaluate
from lander_runtime.checks.verify import Verified, verify
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.graphs.model import METADATA_KEY

Metadata = dict[str, Any]


def outcomes(found: Verified) -> dict[str, str]:
    return {check.name: check.outcome.value for check in found.checks}


def words(found: Verified, name: str) -> str:
    return next(check.found for check in found.checks if check.name == name)


@pytest.fixture
def verified(tmp_path: Path) -> Callable[..., Verified]:
    """(content of a file) -> what was checked of it."""

    def run(content: bytes, **options: Any) -> Verified:
        path = tmp_path / "stranger.onnx"
        path.write_bytes(content)
        return verify(path, "cpu", **options)

    return run


@pytest.mark.parametrize("name", ["tiny-discrete", "tiny-continuous"])
def test_a_sound_file_passes(name: str, tiny_discrete: Path) -> None:
    found = verify(tiny_discrete.with_name(f"{name}.onnx"), "cpu")
    assert set(outcomes(found).values()) == {"passed"}
    assert found.failed == []
    assert found.provider == "CPUExecutionProvider"
    assert list(outcomes(found)) == [
        "schema", "operators", "weights", "session", "inputs and outputs", "golden vectors", "determinism",
        "batches",
    ]  # fmt: skip


def test_another_weight_fails_digest_and_golden_vectors(
    verified: Callable[..., Verified], tiny_discrete: Path
) -> None:
    model = onnx.load(tiny_discrete)
    [weight] = [item for item in model.graph.initializer if item.name == "head.bias"]
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + np.float32(0.5), weight.name))
    found = verified(model.SerializeToString())
    assert found.failed == ["weights", "golden vectors"]
    assert "claimed is" in words(found, "weights")
    assert "largest difference" in words(found, "golden vectors")


OBSERVED = ["golden vectors", "determinism", "batches"]


def _set(key: str, value: object) -> Callable[[Metadata], object]:
    return lambda metadata: metadata.update({key: value})


@pytest.mark.parametrize(
    ("change", "failed", "unknown"),
    [
        (_set("weights_sha256", "0" * 64), ["weights"], 0),
        (lambda data: data["golden"]["outputs"]["logits"][0].__setitem__(1, 9.0), ["golden vectors"], 0),
        (lambda data: data["golden"]["outputs"]["action"].__setitem__(0, 3), ["golden vectors"], 0),
        (lambda data: data["golden"].update(observations=[["a"] * 8]), OBSERVED, 0),
        (lambda data: data["golden"]["outputs"].pop("logits"), ["inputs and outputs"], 3),
        (_set("schema", "2.0"), ["schema"], 5),
        (lambda metadata: metadata.pop("license"), ["schema"], 5),
        (lambda metadata: metadata["action"].update(n=5), ["inputs and outputs"], 3),
    ],
    ids=["hash", "logit", "action", "observation", "output", "version", "entry", "space"],
)  # fmt: skip
def test_a_false_claim_fails_by_its_name(
    change: Callable[[Metadata], object],
    failed: list[str],
    unknown: int,
    verified: Callable[..., Verified],
    with_changed_metadata: Callable[..., bytes],
    tiny_discrete: Path,
) -> None:
    found = verified(with_changed_metadata(tiny_discrete, change))
    assert found.failed == failed
    assert list(outcomes(found).values()).count("not checked") == unknown


def test_a_file_without_metadata_says_nothing_and_is_no_sound_policy(
    verified: Callable[..., Verified], with_metadata: Callable[..., bytes], tiny_discrete: Path
) -> None:
    found = verified(with_metadata(tiny_discrete, None))
    assert found.failed == ["schema"]
    assert METADATA_KEY in words(found, "schema")
    assert outcomes(found)["session"] == "passed"


def test_an_operator_that_no_policy_may_use_is_never_run(
    verified: Callable[..., Verified], with_changed_graph: Callable[..., bytes], tiny_discrete: Path
) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node.insert(0, helper.make_node("RandomNormal", [], ["noise"], shape=[8]))

    found = verified(with_changed_graph(tiny_discrete, change))
    assert found.failed == ["operators", "session"]
    assert "RandomNormal" in words(found, "operators")
    assert found.provider is None


def test_rows_that_look_at_each_other_are_found(
    verified: Callable[..., Verified], with_changed_graph: Callable[..., bytes], tiny_discrete: Path
) -> None:
    """The hidden layer less its mean over the batch; the golden vectors fail with it, which are a batch."""

    def change(model: onnx.ModelProto) -> None:
        nodes = list(model.graph.node)
        del model.graph.node[:]
        nodes[1].output[0] = "hidden.alone"
        mean = helper.make_node("ReduceMean", ["hidden.alone", "first_axis"], ["mean"], keepdims=1)
        less = helper.make_node("Sub", ["hidden.alone", "mean"], ["hidden"])
        model.graph.node.extend([*nodes[:2], mean, less, *nodes[2:]])
        model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "first_axis"))

    found = verified(with_changed_graph(tiny_discrete, change))
    assert found.failed == ["golden vectors", "batches"]
    assert "alone" in words(found, "batches")


def test_an_answer_that_changes_is_found(tiny_discrete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file may draw random numbers, so the second run is changed here."""
    calls, honest = [], Policy.outputs

    def outputs(policy: Policy, obs: Any) -> dict[str, Any]:
        found = honest(policy, obs)
        calls.append(len(obs))
        # The golden vectors are the first run, the second and third begin the check of determinism.
        return {**found, "logits": found["logits"] + np.float32(1e-6)} if len(calls) == 3 else found

    monkeypatch.setattr(Policy, "outputs", outputs)
    found = verify(tiny_discrete, "cpu")
    assert found.failed == ["determinism"]
    assert "'logits'" in words(found, "determinism")


def claiming(path: Path, higher: float = 0.0) -> bytes:
    """The file with the score of 12 episodes as its claim, every return in it `higher` than it was."""
    data = evaluate(Policy.load(path, "cpu"), episodes=12).summary.to_json()
    for name in ("mean_return", "iqm_return", "min_return", "max_return", "median_return", "cvar05_return"):
        data[name] += higher
    data["mean_minus_std"] += higher
    data["ci95"] = [end + higher for end in data["ci95"]]
    model = onnx.load(path)
    claims = json.loads(model.metadata_props[0].value) | {"evaluation": data}
    helper.set_model_props(model, {METADATA_KEY: json.dumps(claims)})
    return model.SerializeToString()


def test_a_true_score_is_confirmed_by_fresh_episodes(
    verified: Callable[..., Verified], tiny_discrete: Path
) -> None:
    seen: list[int] = []

    class Observer:
        def on_episode(self, episode: Any) -> None:
            seen.append(episode.seed)

    found = verified(claiming(tiny_discrete), episodes=15, observer=Observer())
    assert outcomes(found)["claimed score"] == "passed"
    # None of the twelve that the claim is about.
    assert seen == list(range(1_000_012, 1_000_027))


def test_a_false_score_fails(verified: Callable[..., Verified], tiny_discrete: Path) -> None:
    found = verified(claiming(tiny_discrete, 500.0), episodes=15)
    assert found.failed == ["claimed score"]
    assert re.search(r"claimed -?[\d.]+ over 12: chance explains", words(found, "claimed score"))


def test_without_a_claim_there_is_nothing_to_compare(tiny_discrete: Path) -> None:
    found = verify(tiny_discrete, "cpu", episodes=2)
    assert outcomes(found)["claimed score"] == "not checked"
    assert found.failed == []


@pytest.mark.parametrize("content", [b"", b"no ONNX", b"\x08\x0a" * 40])
def test_what_cannot_be_parsed_is_refused(verified: Callable[..., Verified], content: bytes) -> None:
    with pytest.raises(InputRefused):
        verified(content)


def test_an_unknown_device_is_a_usage_error(tiny_discrete: Path) -> None:
    with pytest.raises(UsageError, match="tpu"):
        verify(tiny_discrete, "tpu")
