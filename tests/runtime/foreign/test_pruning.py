"""What is taken out of a stranger's graph before it is checked: what the action does not need, no more."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused
from lander_runtime.foreign.analysis.pruning import values_that_follow, without_other_outputs
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.reading import read_model


def node(operator: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def proto(
    nodes: list[onnx.NodeProto], *others: onnx.ValueInfoProto, inputs: tuple[onnx.ValueInfoProto, ...] = ()
) -> onnx.ModelProto:
    """A model that gives `scores` `[n, 2]` of `obs` `[n, 4]`, and `others`."""
    graph = helper.make_graph(
        [node("MatMul", "obs weights", "scores"), *nodes],
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", 4]), *inputs],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2]), *others],
        [numpy_helper.from_array(np.eye(4, 2, dtype=np.float32), "weights")],
        value_info=[helper.make_tensor_sequence_value_info("inner", TensorProto.FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def build(nodes: list[onnx.NodeProto], *others: onnx.ValueInfoProto) -> Model:
    return read_model(proto(nodes, *others).SerializeToString(), "it.onnx")


def load(model: onnx.ModelProto, output: str | None = None) -> ForeignPolicy:
    return ForeignPolicy.from_bytes(model.SerializeToString(), Path("it.onnx"), "CartPole-v1", "cpu", output)


def floats(name: str, *shape: object) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


SEQUENCE = helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None)
TEXT = helper.make_tensor_value_info("text", TensorProto.STRING, [1])
IF = node("If", "scores", "other")
RANDOM = node("RandomNormalLike", "scores", "other")


def left(model: Model) -> list[str]:
    return [item.operator for item in without_other_outputs(model, {"scores"}).graph.nodes]


@pytest.mark.parametrize("other", [SEQUENCE, TEXT], ids=["sequence", "text"])
def test_an_output_goes_with_what_only_it_needs(other: onnx.ValueInfoProto) -> None:
    name = other.name
    model = build(
        [node("Neg", "scores", "also"), node("Odd", "also", "inner"), node("Odd", "inner", name)], other
    )
    pruned = without_other_outputs(model, {"scores"}).graph
    assert [item.operator for item in pruned.nodes] == ["MatMul"]
    assert [item.name for item in pruned.outputs] == ["scores"]
    assert [item.name for item in pruned.initializers] == ["weights"]
    assert pruned.values == ()


def test_what_an_action_needs_stays_whatever_else_needs_it() -> None:
    """Odd makes two things, of which one goes on to the last."""
    last = floats("last", "n", 2)
    nodes = [node("Odd", "scores", "both list"), node("Neg", "both", "last")]
    pruned = without_other_outputs(build(nodes, last, SEQUENCE), {"last"})
    assert [item.operator for item in pruned.graph.nodes] == ["MatMul", "Odd", "Neg"]


def test_what_is_left_out_with_no_name_connects_nothing() -> None:
    """The second output of the first and an input of the second are left out, under the same empty name."""
    first = helper.make_node("Odd", ["obs"], ["a", ""])
    second = helper.make_node("Clip", ["scores", "", ""], ["last"])
    pruned = without_other_outputs(build([first, second], floats("last", "n", 2)), {"last"})
    assert [item.operator for item in pruned.graph.nodes] == ["MatMul", "Clip"]


def test_a_shape_tells_nothing_of_the_values() -> None:
    nodes = [node("Shape", "scores", "shape"), node("Expand", "weights shape", "constant")]
    model = build([*nodes, node("Mul", "constant scores", "moving")])
    follows = values_that_follow(model.graph, ["obs"])
    assert {"scores", "moving"} <= follows
    assert not {"shape", "constant"} & follows


@pytest.mark.parametrize("item", [IF, RANDOM], ids=["If", "random"])
def test_what_the_action_does_not_need_is_not_held_against_it(item: onnx.NodeProto) -> None:
    alone = load(proto([]))
    observations = np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)
    for others in ([], [floats("other", "n", 2)]):
        policy = load(proto([item], *others))
        assert policy.act(observations).tolist() == alone.act(observations).tolist()
    assert "Not used: 'other'." in policy.assumptions
    with pytest.raises(InputRefused, match=rf"^it\.onnx: the operator {item.op_type} may not"):
        load(proto([item], floats("other", "n", 2)), "other")


@pytest.mark.parametrize("item", [IF, RANDOM], ids=["If", "random"])
def test_what_every_output_needs_is_refused(item: onnx.NodeProto) -> None:
    model = proto([item, node("Add", "other scores", "sum")], floats("sum", "n", 2))
    del model.graph.output[0]
    with pytest.raises(InputRefused, match=rf"^it\.onnx: the operator {item.op_type} may not"):
        load(model)


def test_an_input_that_the_action_does_not_need_falls_away() -> None:
    model = proto(
        [node("Identity", "state_ins", "state_outs")],
        floats("state_outs", "n"),
        inputs=(floats("state_ins", "n"),),
    )
    policy = load(model)
    assert policy.act(np.array([0, 1, 0, 0], np.float32)) == 1
    assert "Inputs that the action does not need: 'state_ins'." in policy.assumptions


def test_an_input_that_the_action_needs_is_named() -> None:
    model = proto(
        [node("Add", "scores action_masks", "masked")],
        floats("masked", "n", 2),
        inputs=(floats("action_masks", "n", 2),),
    )
    del model.graph.output[0]
    with pytest.raises(InputRefused, match=r"expected one input .* found 'obs'.*needs 'action_masks' too"):
        load(model)
