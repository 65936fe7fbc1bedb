"""The graph in float16: where it begins and ends, and what does not fit."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lander_export.precision.half import to_half
from lander_runtime.errors import CheckFailed

DATA = Path(__file__).parents[2] / "data"


def weights(model: onnx.ModelProto) -> dict[str, str]:
    return {tensor.name: str(numpy_helper.to_array(tensor).dtype) for tensor in model.graph.initializer}


def test_only_what_lies_between_the_products() -> None:
    made = to_half(onnx.load(DATA / "tiny-discrete.onnx"))

    assert [node.op_type for node in made.graph.node] == [
        "Cast", "Gemm", "Relu", "Gemm", "Cast", "TopK", "Squeeze",
    ]  # fmt: skip
    assert Counter(weights(made).values()) == {"float16": 4, "int64": 2}
    kinds = [value.type.tensor_type.elem_type for value in (*made.graph.input, *made.graph.output)]
    assert kinds == [onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.FLOAT]
    onnx.checker.check_model(made, full_check=True)


def test_constant_deviations_and_bounds_stay_as_they_are() -> None:
    found = weights(to_half(onnx.load(DATA / "tiny-continuous.onnx")))

    assert {name for name, kind in found.items() if kind == "float32"} == {
        "log_std.weight", "log_std.bias", "low", "high",
    }  # fmt: skip


def test_a_weight_that_is_shared_is_kept_for_both() -> None:
    """One tensor as the factor of a layer, and added to what leaves the last one."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["obs", "w"], ["x"]),
            helper.make_node("Add", ["x", "w"], ["y"]),
        ],
        "shared",
        [value("obs", onnx.TensorProto.FLOAT, [2, 2])],
        [value("y", onnx.TensorProto.FLOAT, [2, 2])],
        [numpy_helper.from_array(np.eye(2, dtype=np.float32), "w")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])

    assert weights(to_half(model)) == {"w": "float32", "w.half": "float16"}


def test_too_large_a_weight() -> None:
    model = onnx.load(DATA / "tiny-discrete.onnx")
    model.graph.initializer[0].CopyFrom(
        numpy_helper.from_array(np.full((8, 16), 7e4, np.float32), "hidden.weight")
    )

    with pytest.raises(CheckFailed, match="too large for float16"):
        to_half(model)


def test_nothing_to_store() -> None:
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [
        helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    ])  # fmt: skip

    with pytest.raises(CheckFailed, match="no layers"):
        to_half(helper.make_model(graph))
