"""What a model may be made of, read from its bytes."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import CONTROL_FLOW, OPERATORS, RANDOM, check_structure

TINY = Path(__file__).parents[2] / "data" / "tiny-discrete.onnx"


def check(data: bytes, name: str) -> None:
    """Read and check, as it is done before anything is run."""
    check_structure(read_model(data, name), name)


def changed(change: object) -> bytes:
    model = onnx.load(TINY)
    change(model)  # type: ignore[operator]
    return model.SerializeToString()


@pytest.mark.parametrize("name", ["tiny-discrete.onnx", "tiny-continuous.onnx"])
def test_policies_pass(name: str) -> None:
    check((TINY.parent / name).read_bytes(), name)


@pytest.mark.parametrize("operator", sorted(CONTROL_FLOW | RANDOM))
def test_an_operator_that_no_policy_has_is_refused_by_name(operator: str) -> None:
    def add(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node(operator, ["obs"], ["other"]))

    with pytest.raises(InputRefused, match=rf"^tiny\.onnx: the operator {operator} "):
        check(changed(add), "tiny.onnx")


def test_the_operators_of_the_list_are_onnxs() -> None:
    known = {item.name for item in onnx.defs.get_all_schemas_with_history() if item.domain == ""}
    # The oldest onnx that works with this package knows fewer than the newest.
    assert len(OPERATORS - known) < 12
    for operator in ("LSTM", "GRU", "RNN", "DynamicQuantizeLinear", "QuantizeLinear", "DequantizeLinear"):
        assert operator in OPERATORS
    assert not OPERATORS & (CONTROL_FLOW | RANDOM)


@pytest.mark.parametrize("operator", ["SequenceConstruct", "ImageDecoder", "Optional", "Gema", ""])
def test_an_operator_that_is_not_on_the_list_is_refused(operator: str) -> None:
    def add(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node(operator, ["obs"], ["other"]))

    with pytest.raises(InputRefused, match=rf"^tiny\.onnx: the operator '{operator}' may not"):
        check(changed(add), "tiny.onnx")


def test_an_operator_of_another_domain_is_refused() -> None:
    def add(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Gelu", ["obs"], ["other"], domain="com.microsoft"))

    with pytest.raises(InputRefused, match=r"com\.microsoft"):
        check(changed(add), "tiny.onnx")


def test_functions_are_refused() -> None:
    def add(model: onnx.ModelProto) -> None:
        node = helper.make_node("Identity", ["a"], ["b"])
        model.functions.append(helper.make_function("own", "F", ["a"], ["b"], [node], model.opset_import))

    with pytest.raises(InputRefused, match="functions"):
        check(changed(add), "tiny.onnx")


def external() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "far")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def test_weights_in_another_file_are_refused() -> None:
    with pytest.raises(InputRefused, match="another file"):
        check(changed(lambda model: model.graph.initializer.append(external())), "tiny.onnx")


def test_a_constant_in_another_file_is_refused() -> None:
    def add(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Constant", [], ["far"], value=external()))

    with pytest.raises(InputRefused, match="another file"):
        check(changed(add), "tiny.onnx")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        check(data, "any.onnx")
    except InputRefused as error:
        assert str(error).startswith("any.onnx: ")


@given(st.integers(0, len(TINY.read_bytes()) - 1))
def test_a_file_that_was_cut_off_is_read_or_refused(length: int) -> None:
    try:
        check(TINY.read_bytes()[:length], "cut.onnx")
    except InputRefused as error:
        assert str(error).startswith("cut.onnx: ")
