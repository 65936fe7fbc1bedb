"""How observations go in: types, batches, rows and pictures."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from foreign_files import DATA, DISCRETE, Graph, load, node, what_was_found
from lander_runtime import EnvSpec, InputRefused, UsageError
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.foreign.foreign import ForeignPolicy


def test_float64_is_cast_and_said(graph: Graph, observations: Any, scores: Any) -> None:
    model = graph(
        [node("Identity", "scores", "out")], {"out": (TensorProto.DOUBLE, ["batch", 4])}, dtype=np.float64
    )
    policy = load(model)
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()
    assert "They are float32 and cast to float64." in policy.assumptions


@pytest.mark.parametrize("batch", [1, 3, 32, 100])
def test_a_fixed_batch_is_filled_up(graph: Graph, observations: Any, scores: Any, batch: int) -> None:
    model = graph([node("Identity", "scores", "out")], {"out": (TensorProto.FLOAT, [batch, 4])}, batch=batch)
    policy = load(model)
    assert policy.batch_size == batch
    assert f"The graph takes batches of {batch} only." in policy.assumptions
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()
    reports = [evaluate(policy, episodes=5, lanes=lanes) for lanes in (1, 5)]
    assert what_was_found(reports[0]) == what_was_found(reports[1])


def test_a_graph_without_a_batch_takes_one_at_a_time(graph: Graph, observations: Any, scores: Any) -> None:
    model = graph([node("Identity", "scores", "out")], {"out": (TensorProto.FLOAT, [4])}, batch=None)
    policy = load(model)
    assert "The graph takes one observation at a time." in policy.assumptions
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()


def test_a_graph_with_a_wrong_symbolic_batch_runs_row_by_row(
    graph: Graph, observations: Any, scores: Any
) -> None:
    """The Reshape to the example's size that tracing leaves behind."""
    constants = {"shape": np.array([1, 4], np.int64)}
    model = graph(
        [node("Reshape", "scores shape", "out")],
        {"out": (TensorProto.FLOAT, ["batch", 4])},
        constants=constants,
    )
    policy = load(model)
    assert policy.batch_size == 1
    assert any("one observation at a time is all that works" in said for said in policy.assumptions)
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()


def test_rows_that_influence_each_other_run_alone(graph: Graph) -> None:
    """A softmax over the batch: what it says of one observation would depend on the lanes."""
    nodes = [node("Softmax", "scores", "share", axis=0), node("Add", "share scores", "out")]
    policy = load(graph(nodes, {"out": (TensorProto.FLOAT, ["batch", 4])}))
    assert policy.batch_size == 1
    with pytest.raises(InputRefused, match=r"influence each other.*batch of 1"):
        load(graph(nodes, {"out": (TensorProto.FLOAT, [16, 4])}, batch=16))


def test_a_quantiser_over_the_batch_runs_row_by_row(graph: Graph, drifting: EnvSpec) -> None:
    """Its scale is that of the largest number in the batch, and zeros beside a row do not change that."""
    nodes = [
        node("DynamicQuantizeLinear", "scores", "q scale point"),
        node("DequantizeLinear", "q scale point", "logits"),
        node("ArgMax", "logits", "a", axis=1, keepdims=0),
    ]
    outputs = {"logits": (TensorProto.FLOAT, ["batch", 4]), "a": (TensorProto.INT64, ["batch"])}
    for kept in (outputs, {"a": outputs["a"]}):
        policy = load(graph(nodes, kept), drifting)
        assert policy.batch_size == 1
        reports = [evaluate(policy, episodes=12, lanes=lanes, workers=1).sha256 for lanes in (1, 5, 12)]
        assert len(set(reports)) == 1


@pytest.mark.parametrize(
    "mixing",
    [
        [node("ReduceMax", "scores", "m", keepdims=0), node("Div", "scores m", "out")],
        [node("ReduceMean", "scores first", "m", keepdims=1), node("Max", "scores m", "out")],
        [node("Slice", "scores first second first", "m"), node("Max", "scores m", "out")],
        [
            node("ReduceMax", "scores", "m", keepdims=0),
            node("Greater", "m large", "b"),
            node("Where", "b negative scores", "out"),
            node("Neg", "scores", "negative"),
        ],
    ],
    ids=["largest", "mean", "first row", "threshold"],
)
def test_rows_that_mix_in_other_ways_run_alone(graph: Graph, mixing: list[onnx.NodeProto]) -> None:
    nodes = sorted(mixing, key=lambda item: item.output[0] != "negative")
    constants = {"first": np.int64([0]), "second": np.int64([1]), "large": np.float32(500)}
    used = {name for item in nodes for name in item.input}
    constants = {name: value for name, value in constants.items() if name in used}
    for argmax in (False, True):
        outputs = {"out": (TensorProto.FLOAT, ["batch", 4])}
        more = [node("ArgMax", "out", "a", axis=1, keepdims=0)] if argmax else []
        outputs = {"a": (TensorProto.INT64, ["batch"])} if argmax else outputs
        assert load(graph([*nodes, *more], outputs, constants=constants)).batch_size == 1


@pytest.mark.parametrize("sizes", [(3, 2, 4), (None, None, None)], ids=["given", "open"])
def test_pictures_are_transposed_where_the_file_wants_channels_first(
    register: Callable[..., str], drifting_class: type[Any], sizes: tuple[Any, ...]
) -> None:
    import gymnasium

    class Colours(drifting_class):  # type: ignore[misc, valid-type]
        observation_space = gymnasium.spaces.Box(0, 255, (2, 4, 3), np.uint8)

    nodes = [
        node("Conv", "obs kernel", "c"),
        node("GlobalAveragePool", "c", "p"),
        node("Flatten", "p", "out"),
    ]
    kernel = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.1, 0.1, 0.1]]).reshape(4, 3, 1, 1)
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", *sizes])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    policy = load(model, EnvSpec(register(Colours)))
    for colour in range(3):
        picture = np.zeros((2, 4, 3), np.uint8)
        picture[..., colour] = 200
        assert policy.act(picture) == colour
    assert any("transposed to channels first" in said for said in policy.assumptions)


def test_pictures_may_be_flat_floats(register: Callable[..., str], drifting_class: type[Any]) -> None:
    """uint8 `[2, 4]` into float32 `[batch, 8]`: 0 to 255 as they are, in the order of the rows."""
    import gymnasium

    class Pictures(drifting_class):  # type: ignore[misc, valid-type]
        observation_space = gymnasium.spaces.Box(0, 255, (2, 4), np.uint8)

    nodes = [node("Identity", "obs", "seen")]
    graph = helper.make_graph(
        [*nodes, node("Slice", "seen start end axis", "out")],
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 4])],
        [
            numpy_helper.from_array(np.array([value], np.int64), name)
            for name, value in (("start", 4), ("end", 8), ("axis", 1))
        ],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    policy = load(model, EnvSpec(register(Pictures)))
    pictures = np.array([[[9, 9, 9, 9], [0, 1, 255, 2]], [[255, 255, 255, 255], [7, 0, 0, 0]]], np.uint8)
    assert policy.act(pictures).tolist() == [2, 0]
    assert any("'obs' flattened row by row" in said for said in policy.assumptions)
    assert "They are uint8 and cast to float32, 0 to 255 and not scaled." in policy.assumptions


@pytest.mark.parametrize(
    ("obs", "message"),
    [
        (np.zeros(7, np.float32), "shape"),
        (np.zeros((0, 8), np.float32), "shape"),
        (np.zeros((2, 2, 8), np.float32), "shape"),
        (np.full(8, np.nan, np.float32), "must be finite"),
    ],
    ids=str,
)
def test_an_observation_that_does_not_fit_is_refused(obs: Any, message: str) -> None:
    policy = ForeignPolicy.load(DATA / "cleanrl-agent.onnx", DISCRETE, "cpu")
    with pytest.raises(UsageError, match=message):
        policy.act(obs)
