"""A policy file in smaller numbers: what it says of itself, and when there is none."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from lander_export.precision import reducing
from lander_export.precision.reducing import Reduced, reduce_precision
from lander_rl.checking import benching
from lander_rl.watching import playing
from lander_runtime import Policy, evaluate
from lander_runtime.checks import children
from lander_runtime.errors import CheckFailed, InputRefused, UsageError
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.agreement import usual_scale
from lander_runtime.seeds import FIRST_EVALUATION_SEED

DATA = Path(__file__).parents[2] / "data"

Small = Callable[[str, str], Reduced]
Claims = Callable[[onnx.ModelProto], bytes]


def reduced(number_format: str, policy: Policy, folder: Path) -> Reduced:
    return reduce_precision(policy, number_format, folder / "small.onnx", episodes=10, gif=False)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """(`discrete` or `continuous`, format) -> what the tiny policy became; not to be changed."""

    @cache
    def one(kind: str, number_format: str) -> Reduced:
        original = Policy.load(DATA / f"tiny-{kind}.onnx", "cpu")
        return reduced(number_format, original, tmp_path_factory.mktemp(f"{kind}-{number_format}"))

    return one


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
@pytest.mark.parametrize("number_format", ["float16", "int8"])
def test_a_file_that_opens_and_says_what_it_is(kind: str, number_format: str, small: Small) -> None:
    original = Policy.load(DATA / f"tiny-{kind}.onnx", "cpu")

    made = small(kind, number_format)

    policy = Policy.load(made.files.policy, "cpu")
    info, before = policy.info, original.info
    assert info.precision is not None
    assert (info.precision.format, info.precision.made_from) == (number_format, before.weights_sha256)
    assert info.weights_sha256 == weights_digest(read_model(policy.content, "small.onnx"))
    assert info.weights_sha256 != before.weights_sha256
    assert info.golden.observations == before.golden.observations
    assert info.golden.outputs != before.golden.outputs or number_format == "float16"
    assert info.evaluation is not None
    assert (info.evaluation.first_seed, info.evaluation.episodes) == (FIRST_EVALUATION_SEED, 10)
    assert info.verification.observations > 100
    assert (info.env, info.observation, info.action, info.training) == (
        before.env, before.observation, before.action, before.training,
    )  # fmt: skip
    assert made.bytes_after == made.files.policy.stat().st_size
    assert number_format in made.files.card.read_text()


def test_int8_has_no_operator_but_onnx_own(small: Small) -> None:
    made = small("discrete", "int8")

    model = onnx.load(made.files.policy)
    assert {(item.domain, item.version) for item in model.opset_import} == {("", 18)}
    assert {node.domain for node in model.graph.node} == {""}
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in model.graph.node}
    assert model.ir_version == 8
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    # The first layer takes numbers with units of their own.
    assert stored["hidden.weight"].dtype == np.float32
    # 7 bits, whose sums fit into 16 bits on every processor.
    assert stored["head.weight_quantized"].dtype == np.int8
    assert np.abs(stored["head.weight_quantized"].astype(int)).max() <= 64


def test_onnx_own_reference_runs_int8_too(small: Small) -> None:
    """Of opset 18 it has no QuantizeLinear, so `lander verify --all-runtimes` reads it as 19."""
    policy = Policy.load(small("discrete", "int8").files.policy, "cpu")

    def run(observations: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
        return dict(children.RUNNERS["onnx reference"](policy.path, observations, ["action", "logits"]))

    assert policy.golden_difference(run) <= policy.golden_tolerance


def test_the_page_for_browsers_says_that_it_runs_float32(small: Small) -> None:
    made = small("discrete", "int8").files.policy

    with pytest.raises(InputRefused, match="in int8; the page runs networks in float32"):
        playing._playable(made)


def test_a_runtime_may_differ_as_far_as_the_file_says(small: Small) -> None:
    """Else a GPU, which rounds to float16 more often, would be called wrong by `lander bench`."""
    original = Policy.load(DATA / "tiny-discrete.onnx", "cpu")
    half = Policy.load(small("discrete", "float16").files.policy, "cpu")

    assert benching._close(original) == 1e-4
    assert 1e-4 < benching._close(half) < 0.1


def test_an_action_depends_on_no_other_row(small: Small) -> None:
    made = small("discrete", "int8")
    policy = Policy.load(made.files.policy, "cpu")
    rows = np.random.default_rng(5).normal(size=(64, 8)).astype(np.float32)

    together = policy.outputs(rows)["logits"]
    alone = np.concatenate([policy.outputs(row[None])["logits"] for row in rows])

    assert np.array_equal(together, alone)


def test_the_golden_scale_leaves_room_for_half_precision_arithmetic(tmp_path: Path) -> None:
    """What a GPU would give: onnx's reference rounds to float16 after every operator."""
    made = reduced(
        "float16", Policy.load(DATA.parents[1] / "models/lunarlander-v3/policy.onnx", "cpu"), tmp_path
    )
    policy, model = Policy.load(made.files.policy, "cpu"), onnx.load(made.files.policy)
    reference = onnx.reference.ReferenceEvaluator(model)

    def run(observations: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
        found = reference.run(["action", "logits"], {"obs": observations})
        return {"action": np.asarray(found[0]), "logits": np.asarray(found[1])}

    golden = policy.info.golden
    observations = np.asarray(golden.observations, np.float32)
    expected = np.asarray(golden.outputs["logits"])
    apart = np.abs(run(observations)["logits"] - expected) / usual_scale(expected)
    assert apart.max() > policy.golden_tolerance  # The usual scale would refuse it,
    assert policy.golden_difference(run) <= policy.golden_tolerance  # and this one does not.


def test_a_second_time_gives_the_same_file_and_leaves_the_log_alone(
    small: Small, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = list(logging.getLogger().handlers)

    again = reduced("int8", Policy.load(DATA / "tiny-discrete.onnx", "cpu"), tmp_path)

    assert again.files.policy.read_bytes() == small("discrete", "int8").files.policy.read_bytes()
    assert logging.getLogger().handlers == before
    assert logging.root.manager.disable == 0
    assert caplog.records == []


@pytest.mark.parametrize("number_format", ["float16", "int8"])
def test_nothing_is_written_where_actions_differ(
    number_format: str, tmp_path: Path, with_true_claims: Claims
) -> None:
    """Four actions whose logits differ by less than the smaller numbers can tell apart."""
    model = onnx.load(DATA / "tiny-discrete.onnx")
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    generator = np.random.default_rng(3)
    close = 0.5 + 1e-5 * generator.normal(size=(16, 4))
    close[0] = 1.0  # The largest of each column, which gives it its step.
    stored["head.weight"].CopyFrom(numpy_helper.from_array(close.astype(np.float32), "head.weight"))
    stored["head.bias"].CopyFrom(numpy_helper.from_array(np.zeros(4, np.float32), "head.bias"))
    path = tmp_path / "close.onnx"
    path.write_bytes(with_true_claims(model))

    with pytest.raises(CheckFailed, match=f"In {number_format} .* have to be. Nothing was written"):
        reduced(number_format, Policy.load(path, "cpu"), tmp_path)

    assert [item.name for item in tmp_path.iterdir()] == ["close.onnx"]


def test_a_worse_score_fails() -> None:
    def balance(obs: NDArray[np.float32]) -> NDArray[np.int64]:
        return (obs[:, 2] + obs[:, 3] > 0).astype(np.int64)

    good, bad = (
        evaluate(act, "CartPole-v1", episodes=10)
        for act in (balance, lambda obs: np.zeros(len(obs), np.int64))
    )

    assert reducing._compared(bad, good, "int8").mean > 0
    with pytest.raises(CheckFailed, match="shown to be worse"):
        reducing._compared(good, bad, "int8")


def test_what_is_refused(small: Small, tmp_path: Path) -> None:
    original = Policy.load(DATA / "tiny-discrete.onnx", "cpu")
    made = small("discrete", "float16")

    with pytest.raises(InputRefused, match="in float16 already"):
        reduced("int8", Policy.load(made.files.policy, "cpu"), tmp_path)
    with pytest.raises(UsageError, match="is the file to be made smaller"):
        reduce_precision(original, "int8", original.path)
    with pytest.raises(UsageError, match=r"should end in \.onnx"):
        reduce_precision(original, "int8", tmp_path / "small.bin")
    with pytest.raises(UsageError, match="fewer than 10 show nothing"):
        reduce_precision(original, "int8", tmp_path / "x.onnx", episodes=9)


def test_metadata_without_it_is_as_before() -> None:
    info = Policy.load(DATA / "tiny-discrete.onnx", "cpu").info

    assert '"precision"' not in info.to_json()
    damaged = (
        replace(info, precision=None).to_json().replace('"schema"', '"precision": {"format": "x"}, "schema"')
    )
    with pytest.raises(InputRefused, match="made_from"):
        type(info).from_json(damaged, "damaged.onnx")
