"""The shapes that are worked out are those that ONNX Runtime makes, for ONNX's own tests of operators."""

import warnings
from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.bounds.bounding import LARGE, Walk
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import OPERATORS

Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def cases() -> list[tuple[onnx.ModelProto, Arrays, Arrays]]:
    """Models of operators on the list, with inputs, and with what ONNX Runtime makes of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        collected = collect_testcases(None)  # type: ignore[arg-type]
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    found = []
    for case in collected:
        model = case.model
        # Of no numbers some sums are refused, since ONNX Runtime is not sound there.
        if (
            "empty_set" in case.name
            or case.data_sets is None
            or not {node.op_type for node in model.graph.node} <= OPERATORS
        ):
            continue
        model.ir_version = 8 if model.opset_import[0].version <= 18 else min(model.ir_version, 10)
        names = [value.name for value in model.graph.input]
        inputs = {name: np.asarray(value) for name, value in zip(names, case.data_sets[0][0], strict=False)}
        try:
            session = ort.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            made = session.run(None, inputs)
        except Exception:
            continue  # An operator or a type that this version does not have.
        outputs = {
            value.name: np.asarray(array) for value, array in zip(model.graph.output, made, strict=True)
        }
        found.append((model, inputs, outputs))
    return found


@pytest.mark.parametrize("known", [True, False], ids=["constants", "inputs"])
def test_shapes_types_and_values_are_those_of_onnx_runtime(
    cases: list[tuple[onnx.ModelProto, Arrays, Arrays]], known: bool
) -> None:
    """With constants, whose values are followed too, and with inputs, where some are refused."""
    seen = Counter[str]()
    for model, inputs, outputs in cases:
        walk = walked(model, inputs, known=known)
        if walk is None:
            assert not known, f"{model.graph.name} is refused"
            seen["refused"] += 1
            continue
        for name, array in outputs.items():
            check(walk, name, array, model.graph.name)
        seen["checked"] += 1
    # Some hundred take sizes from their inputs.
    assert seen["checked"] > 800
    assert seen["checked"] > 4 * seen["refused"]


def walked(model: onnx.ModelProto, inputs: Arrays, *, known: bool) -> Walk | None:
    """The walk over a model; None where the model is refused."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if known:
        copy.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in inputs.items())
    read = read_model(copy.SerializeToString(), "case")
    walk = Walk(read, "case", LARGE)
    try:
        walk.run({} if known else {name: array.shape for name, array in inputs.items()})
    except InputRefused:
        return None
    return walk


def check(walk: Walk, name: str, array: np.ndarray[Any, Any], case: str) -> None:
    held = walk.held[name]
    if held.exact:
        assert held.dims == array.shape, case
    else:
        assert len(held.dims) == array.ndim, case
        assert all(most >= size for most, size in zip(held.dims, array.shape, strict=True)), case
    if array.dtype.kind != "O":
        assert held.element == helper.np_dtype_to_tensor_dtype(array.dtype), case
    if held.value is not None:
        np.testing.assert_array_equal(held.value, array, case)
