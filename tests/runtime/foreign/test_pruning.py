"""What is taken out of a stranger's graph before it is checked: all that leads to no number, and no more."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime.foreign.pruning import without_other_outputs
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.reading import read_model


def node(operator: str, inputs: str, outputs: str) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split())


def build(nodes: list[onnx.NodeProto], *others: onnx.ValueInfoProto) -> Model:
    """A model that gives `scores` and `others`."""
    graph = helper.make_graph(
        [node("MatMul", "obs weights", "scores"), *nodes],
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2]), *others],
        [numpy_helper.from_array(np.eye(2, dtype=np.float32), "weights")],
        value_info=[helper.make_tensor_sequence_value_info("inner", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    return read_model(model.SerializeToString(), "it.onnx")


SEQUENCE = helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None)
TEXT = helper.make_tensor_value_info("text", TensorProto.STRING, [1])


def left(model: Model) -> list[str]:
    return [item.operator for item in without_other_outputs(model).graph.nodes]


def test_where_all_outputs_are_numbers_nothing_is_taken_out() -> None:
    model = build([node("If", "scores", "dead")])
    assert without_other_outputs(model) is model


@pytest.mark.parametrize("other", [SEQUENCE, TEXT], ids=["sequence", "text"])
def test_an_output_of_no_numbers_goes_with_what_only_it_needs(other: onnx.ValueInfoProto) -> None:
    name = other.name
    model = build(
        [node("Neg", "scores", "also"), node("Odd", "also", "inner"), node("Odd", "inner", name)], other
    )
    pruned = without_other_outputs(model).graph
    assert [item.operator for item in pruned.nodes] == ["MatMul"]
    assert [item.name for item in pruned.outputs] == ["scores"]
    assert pruned.values == ()


def test_what_an_action_needs_stays_whatever_else_needs_it() -> None:
    """Odd makes two things, of which one goes on to scores."""
    scores = helper.make_tensor_value_info("last", TensorProto.FLOAT, ["n", 2])
    nodes = [node("Odd", "scores", "both list"), node("Neg", "both", "last")]
    assert left(build(nodes, scores, SEQUENCE)) == ["MatMul", "Odd", "Neg"]


def test_a_node_that_nothing_needs_stays_to_be_checked() -> None:
    nodes = [node("If", "scores", "dead"), node("SequenceConstruct", "scores", "list")]
    assert left(build(nodes, SEQUENCE)) == ["MatMul", "If"]
