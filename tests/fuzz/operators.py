"""The cases that ONNX tests its operators with, changed, and run where the rules of `graphs/bounds` let them.

A case is one file: the arrays that it is run with are initialisers with the names of inputs. So the walk over
a graph is seen to be right too: shapes and values that it knows are compared with those of ONNX Runtime.
"""

import random
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from tests.fuzz.mutations import FLOATS, NUMBERS
from tests.fuzz.nodes import odd_constants, put_odd, random_node

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.bounds.bounding import USUAL, Walk
from lander_runtime.graphs.bounds.call import Held
from lander_runtime.graphs.numbers import array_of
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import OPERATORS, check_structure
from lander_runtime.policy.session import open_session

_LARGEST = 4000
"""Numbers of an array; larger ones make no other cases."""

Arrays = dict[str, "np.ndarray[Any, Any]"]


def operator_cases(folder: Path) -> list[tuple[str, bytes]]:
    """Names and contents of the cases whose operators are all on the list."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        collected = collect_testcases(None)  # type: ignore[arg-type]
    found = []
    for case in collected:
        model = case.model
        if case.data_sets is None or not {node.op_type for node in model.graph.node} <= OPERATORS:
            continue
        names = [value.name for value in model.graph.input]
        arrays = {name: np.asarray(value) for name, value in zip(names, case.data_sets[0][0], strict=False)}
        if any(array.dtype.kind in "OU" or array.size > _LARGEST for array in arrays.values()):
            continue
        model.ir_version = 8 if model.opset_import[0].version <= 18 else min(model.ir_version, 10)
        _hold(model.graph, arrays)
        found.append((f"{case.name}.onnx", model.SerializeToString()))
    return found


def change_operator(rng: random.Random, data: bytes) -> bytes:
    """The case with settings, numbers, shapes or inputs changed, and sometimes with operators after it."""
    model = onnx.ModelProto()
    model.ParseFromString(data)
    graph = model.graph
    arrays = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        node = rng.choice(list(graph.node))
        kind = rng.randrange(8)
        if kind < 3 and node.attribute:
            _change_setting(rng, node)
        elif kind < 6 and arrays:
            array = arrays[rng.choice(list(arrays))]
            if array.size:
                put_odd(rng, array)
        elif kind == 6 and arrays:
            name = rng.choice(list(arrays))
            arrays[name] = _reshaped(rng, arrays[name])
        elif kind == 7 and node.input:
            _change_wiring(rng, node, list(arrays))
    for value in graph.output:
        value.ClearField("type")
    _hold(graph, arrays)
    if rng.random() < 0.3:
        _append(rng, graph, [*arrays, *(value.name for value in graph.output)])
    if rng.random() < 0.6:
        # Known to the walk; the others are given when it runs.
        for value in list(graph.input):
            if arrays[value.name].dtype.kind in "iub" or rng.random() < 0.2:
                graph.input.remove(value)
    return model.SerializeToString()


def read_operator(path: Path) -> None:
    """Run a case as a policy's graph would run; raises an AssertionError where the walk was wrong."""
    model = read_model(path.read_bytes(), path.name)
    check_structure(model, path.name)
    inputs = {value.name for value in model.graph.inputs}
    given = {tensor.name: array_of(tensor) for tensor in model.graph.initializers if tensor.name in inputs}
    feed = {name: array for name, array in given.items() if array is not None}
    kept = tuple(tensor for tensor in model.graph.initializers if tensor.name not in feed)
    model = replace(model, graph=replace(model.graph, initializers=kept))
    shapes = {name: array.shape for name, array in feed.items()}
    walk = Walk(model, path.name, USUAL)
    walk.run(shapes)
    names = [value.name for value in model.graph.outputs if value.name]
    if not names:
        raise InputRefused(f"{path.name}: no output.")
    session = open_session(model, path.name, "cpu", shapes=[shapes])
    for name, array in zip(names, session.run(names, feed), strict=True):
        assert array is not None, f"{name}: was not made"
        check_held(walk.held[name], np.asarray(array), name)


def check_held(held: Held, array: "np.ndarray[Any, Any]", name: str) -> None:
    """Compare what the walk knows of a value with what ONNX Runtime made."""
    if held.exact:
        assert held.dims == array.shape, f"{name}: {held.dims}, and it is {array.shape}"
    else:
        assert len(held.dims) == array.ndim, f"{name}: {held.dims}, and it is {array.shape}"
        assert all(map(int.__ge__, held.dims, array.shape)), f"{name}: {held.dims}, and it is {array.shape}"
    if held.value is not None:
        same = np.array_equal(held.value, array.astype(held.value.dtype), equal_nan=array.dtype.kind == "f")
        assert same, f"{name}: {held.value}, and it is {array}"


def _hold(graph: onnx.GraphProto, arrays: Arrays) -> None:
    """Declare the shapes of `arrays`, and keep them in the graph."""
    del graph.initializer[:]
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    for value in graph.input:
        if value.name in arrays:
            value.type.tensor_type.ClearField("shape")
            sizes = value.type.tensor_type.shape
            for size in arrays[value.name].shape:
                sizes.dim.add().dim_value = size


def _change_setting(rng: random.Random, node: onnx.NodeProto) -> None:
    attribute = rng.choice(list(node.attribute))
    numbers = [number for number in NUMBERS if -(2**63) <= number < 2**63]
    match attribute.type:
        case onnx.AttributeProto.INT:
            attribute.i = rng.choice(numbers)
        case onnx.AttributeProto.INTS if attribute.ints and rng.random() < 0.7:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(numbers)
        case onnx.AttributeProto.INTS if attribute.ints and rng.random() < 0.5:
            del attribute.ints[rng.randrange(len(attribute.ints)) :]
        case onnx.AttributeProto.INTS:
            attribute.ints.append(rng.choice(numbers))
        case onnx.AttributeProto.FLOAT:
            attribute.f = rng.choice(FLOATS)
        case onnx.AttributeProto.FLOATS if attribute.floats:
            attribute.floats[rng.randrange(len(attribute.floats))] = rng.choice(FLOATS)
        case _ if rng.random() < 0.3:
            node.attribute.remove(attribute)


def _reshaped(rng: random.Random, array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    if array.ndim == 0:
        return array[None]
    match rng.randrange(5):
        case 0:
            return array.reshape(-1)
        case 1:
            return array[None]
        case 2:
            return np.delete(array, slice(None), axis=rng.randrange(array.ndim))
        case 3 if array.size <= _LARGEST:
            return np.concatenate([array, array], axis=rng.randrange(array.ndim))
        case _:
            return array[..., :1]


def _change_wiring(rng: random.Random, node: onnx.NodeProto, names: list[str]) -> None:
    match rng.randrange(4):
        case 0 if len(node.input) > 1:
            node.input.pop()
        case 1 if len(node.output) > 1:
            node.output[rng.randrange(len(node.output))] = ""
        case 2 if node.attribute:
            node.attribute.remove(rng.choice(list(node.attribute)))
        case _:
            node.input[rng.randrange(len(node.input))] = rng.choice([*names, ""])


def _append(rng: random.Random, graph: onnx.GraphProto, known: list[str]) -> None:
    """One to three random operators that take what is there, and whose results are outputs too."""
    known = [*known, *odd_constants(rng, graph)]
    for place in range(rng.choice((1, 1, 2, 3))):
        node = random_node(rng, known, place)
        graph.node.append(node)
        graph.output.extend(onnx.ValueInfoProto(name=name) for name in node.output)
        known = [*node.output, *known]
