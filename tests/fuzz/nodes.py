"""Random operators put into a policy, with settings as odd as their types allow."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tests.fuzz.mutations import FLOATS, NUMBERS

from lander_runtime.graphs.structure import OPERATORS

_OPERATORS = sorted(OPERATORS - {"Constant"})
_SMALL = (-3, -1, 0, 1, 2, 3, 4, 8)
_DTYPES = (np.float32, np.float32, np.int64, np.int64, np.int32, np.uint8, np.bool_, np.float64, np.float16)
_TEXTS = (
    b"", b"constant", b"linear", b"nearest", b"cubic", b"reflect", b"edge", b"SAME_UPPER", b"VALID", b"sum",
    b"mean", b"bidirectional", b"reverse", b"ij,jk->ik", b"ij->ji", b"bi,bj->bij", b"i->", b"floor",
)  # fmt: skip


def with_nodes(rng: random.Random, data: bytes) -> bytes:
    """The policy `data` with one to four random operators whose result is added to an output, times 0."""
    model = onnx.ModelProto()
    model.ParseFromString(data)
    model.opset_import[0].version = rng.choice((18, 18, 18, 13, 21, 11))
    graph = model.graph
    known = ["obs", *_cast_observations(graph), *odd_constants(rng, graph)]
    made: list[Any] = []
    for place in range(rng.choice((1, 1, 2, 4))):
        node = random_node(rng, known, place)
        made.append(node)
        known = [*node.output, *known, *node.output]
    kept = list(graph.node)
    del graph.node[:]
    graph.node.extend([*made, *kept])
    if made and rng.random() < 0.8:
        _add_to_output(graph, made[-1].output[0])
    return model.SerializeToString()


def settings_changed(rng: random.Random, data: bytes) -> bytes:
    """One attribute, input, size or constant of a graph changed."""
    model = onnx.ModelProto()
    model.ParseFromString(data)
    graph = model.graph
    node = rng.choice(list(graph.node))
    match rng.randrange(7):
        case 0 if node.attribute:
            attribute = rng.choice(list(node.attribute))
            attribute.CopyFrom(_attribute(rng, attribute.name, attribute.type))
        case 1 if node.input:
            names = [name for one in graph.node for name in (*one.input, *one.output)]
            node.input[rng.randrange(len(node.input))] = rng.choice((*names, ""))
        case 2:
            node.op_type = rng.choice(_OPERATORS)
        case 3 if graph.initializer:
            tensor = rng.choice(list(graph.initializer))
            array = numpy_helper.to_array(tensor).copy()
            if array.size:
                put_odd(rng, array)
                tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        case 4 if graph.initializer:
            tensor = rng.choice(list(graph.initializer))
            if tensor.dims:
                tensor.dims[rng.randrange(len(tensor.dims))] = _int64(rng.choice(NUMBERS))
        case 5:
            sizes = rng.choice([*graph.input, *graph.output]).type.tensor_type.shape.dim
            if sizes:
                sizes[rng.randrange(len(sizes))].dim_value = _int64(rng.choice(NUMBERS))
        case _:
            rng.shuffle(order := list(graph.node))
            del graph.node[:]
            graph.node.extend(order)
    return model.SerializeToString()


def _cast_observations(graph: onnx.GraphProto) -> Iterator[str]:
    for name, element in (("whole", TensorProto.INT64), ("flags", TensorProto.BOOL)):
        graph.node.insert(0, helper.make_node("Cast", ["obs"], [f"fuzz {name}"], to=element))
        yield f"fuzz {name}"


def odd_constants(rng: random.Random, graph: onnx.GraphProto) -> Iterator[str]:
    for place in range(rng.randrange(1, 7)):
        shape = tuple(rng.choice((0, 1, 1, 2, 3, 4, 8)) for _ in range(rng.randrange(5)))
        dtype = rng.choice(_DTYPES)
        array = np.array(np.random.default_rng(rng.randrange(2**32)).integers(-2, 9, shape), dtype)
        if array.size and rng.random() < 0.3:
            put_odd(rng, array)
        name = f"fuzz constant {place}"
        graph.initializer.append(numpy_helper.from_array(array, name))
        yield name


def put_odd(rng: random.Random, array: np.ndarray[Any, Any]) -> None:
    where = tuple(rng.randrange(size) for size in array.shape)
    if array.dtype.kind == "f":
        array[where] = rng.choice(FLOATS[:7] + FLOATS[8:]) if array.dtype.itemsize > 2 else 1
    elif array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        array[where] = min(max(rng.choice(NUMBERS), int(limits.min)), int(limits.max))


def random_node(rng: random.Random, known: list[str], place: int) -> onnx.NodeProto:
    operator = rng.choice(_OPERATORS)
    schema = onnx.defs.get_schema(operator)
    least, most = schema.min_input, min(schema.max_input, 6)
    inputs = [rng.choice(known) for _ in range(rng.randint(least, max(least, most)))]
    if inputs and rng.random() < 0.05:
        inputs[rng.randrange(len(inputs))] = ""
    outputs = [f"fuzz {place} {index}" for index in range(rng.randint(1, max(1, min(schema.max_output, 3))))]
    node = helper.make_node(operator, inputs, outputs)
    for name, about in schema.attributes.items():
        if about.required or rng.random() < 0.4:
            kind = int(about.type.value) if hasattr(about.type, "value") else int(about.type)
            node.attribute.append(_attribute(rng, name, kind))
    return node


def _attribute(rng: random.Random, name: str, kind: int) -> onnx.AttributeProto:
    found = onnx.AttributeProto(name=name, type=kind)
    numbers = _SMALL if rng.random() < 0.85 else NUMBERS
    match kind:
        case onnx.AttributeProto.INT:
            found.i = _int64(rng.choice(numbers))
        case onnx.AttributeProto.INTS:
            found.ints.extend(_int64(rng.choice(numbers)) for _ in range(rng.randrange(5)))
        case onnx.AttributeProto.FLOAT:
            found.f = rng.choice(FLOATS)
        case onnx.AttributeProto.FLOATS:
            found.floats.extend(rng.choice(FLOATS) for _ in range(rng.randrange(5)))
        case onnx.AttributeProto.STRING:
            found.s = rng.choice(_TEXTS)
        case onnx.AttributeProto.STRINGS:
            found.strings.extend(rng.choice(_TEXTS) for _ in range(rng.randrange(3)))
        case onnx.AttributeProto.TENSOR:
            found.t.CopyFrom(
                numpy_helper.from_array(np.array([rng.choice(_SMALL)]).astype(rng.choice(_DTYPES[:5])))
            )
    return found


def _add_to_output(graph: onnx.GraphProto, result: str) -> None:
    output = graph.output[-1].name
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name == output:
                node.output[place] = "fuzz before"
    graph.initializer.append(numpy_helper.from_array(np.float32(0), "fuzz nothing"))
    graph.node.extend(
        [
            helper.make_node("Cast", [result], ["fuzz number"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["fuzz number"], ["fuzz sum"], keepdims=0),
            helper.make_node("Mul", ["fuzz sum", "fuzz nothing"], ["fuzz zero"]),
            helper.make_node("Add", ["fuzz before", "fuzz zero"], [output]),
        ]
    )


def _int64(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63
