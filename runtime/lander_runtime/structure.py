"""What a model is made of, read from its bytes before anything runs it.

A stranger's graph may loop for ever, draw random numbers or take weights from other files. ONNX
Runtime would do all of that when it is asked to load and run, and the onnx package is not at hand
where a policy is embedded; so the few fields that matter are read here, straight from the protobuf
encoding (https://protobuf.dev/programming-guides/encoding, field numbers from onnx.proto).
"""

from collections.abc import Iterator

from lander_runtime.errors import InputRefused

CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})

RANDOM = frozenset(
    {
        "Bernoulli",
        "Dropout",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)

_ADVICE = {
    **dict.fromkeys(
        CONTROL_FLOW,
        "PyTorch's older exporter writes it for some models with dynamic_axes: export with a batch of 1.",
    ),
    **dict.fromkeys(RANDOM, "Export the greedy action, of a model in eval mode."),
}

# Field numbers of ModelProto, GraphProto, NodeProto and AttributeProto, TensorProto.
_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSOR = 5
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14


def check_structure(model: bytes, name: str) -> None:
    """Hold a serialised model against what a policy may be made of.

    Raises:
        InputRefused: not ONNX, or it holds control flow, random operators, operators outside the
            default domain, functions, or weights in another file.
    """
    try:
        for field, value in _fields(memoryview(model)):
            if field == _MODEL_FUNCTIONS:
                raise InputRefused(
                    f"{name}: expected plain operators, found functions. "
                    "Inline them with onnx.inliner.inline_local_functions."
                )
            if field == _MODEL_GRAPH:
                _check_graph(_message(value), name)
    except ValueError as error:
        raise InputRefused(f"{name}: not an ONNX file ({error}).") from error


def _check_graph(graph: memoryview, name: str) -> None:
    for field, value in _fields(graph):
        if field == _GRAPH_INITIALIZER:
            _check_tensor(_message(value), name)
        elif field == _GRAPH_NODE:
            _check_node(_message(value), name)


def _check_node(node: memoryview, name: str) -> None:
    for field, value in _fields(node):
        if field == _NODE_OP_TYPE and (operator := _text(value)) in CONTROL_FLOW | RANDOM:
            raise InputRefused(
                f"{name}: the operator {operator} may not be part of a policy. {_ADVICE[operator]}"
            )
        if field == _NODE_DOMAIN and _text(value) not in ("", "ai.onnx"):
            raise InputRefused(f"{name}: expected operators of ONNX itself, found some of {_text(value)!r}.")
        if field == _NODE_ATTRIBUTE:
            for part, tensor in _fields(_message(value)):
                if part == _ATTRIBUTE_TENSOR:
                    _check_tensor(_message(tensor), name)


def _check_tensor(tensor: memoryview, name: str) -> None:
    for field, value in _fields(tensor):
        if field == _TENSOR_EXTERNAL_DATA or (field == _TENSOR_DATA_LOCATION and value != 0):
            raise InputRefused(
                f"{name}: keeps weights in another file; a policy is one file. "
                "Export it with external_data=False."
            )


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of one protobuf message: (number, integer or bytes)."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        value: int | memoryview = 0
        if kind == 0:
            value, position = _varint(data, position)
        elif kind == 1:
            position += 8
        elif kind == 5:
            position += 4
        elif kind == 2:
            size, position = _varint(data, position)
            value = data[position : position + size]
            position += size
        else:
            raise ValueError(f"wire type {kind} at byte {position}")
        if position > len(data):
            raise ValueError("it ends in the middle of a field")
        yield key >> 3, value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("it ends in the middle of a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number of more than 10 bytes")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", "replace")
