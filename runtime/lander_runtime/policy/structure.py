"""What a model is made of, read from its bytes before anything runs it.

A stranger's graph may loop for ever, draw random numbers or take weights from other files. ONNX
Runtime would do all of that when it is asked to load and run, and the onnx package is not at hand
where a policy is embedded; so the few fields that matter are read here, straight from the bytes (field
numbers from onnx.proto).
"""

from lander_runtime.errors import InputRefused
from lander_runtime.policy.protobuf import fields, message, text

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
        for field, value, _ in fields(memoryview(model)):
            if field == _MODEL_FUNCTIONS:
                raise InputRefused(
                    f"{name}: expected plain operators, found functions. "
                    "Inline them with onnx.inliner.inline_local_functions."
                )
            if field == _MODEL_GRAPH:
                _check_graph(message(value), name)
    except ValueError as error:
        raise InputRefused(f"{name}: not an ONNX file ({error}).") from error


def _check_graph(graph: memoryview, name: str) -> None:
    for field, value, _ in fields(graph):
        if field == _GRAPH_INITIALIZER:
            _check_tensor(message(value), name)
        elif field == _GRAPH_NODE:
            _check_node(message(value), name)


def _check_node(node: memoryview, name: str) -> None:
    for field, value, _ in fields(node):
        if field == _NODE_OP_TYPE and (operator := text(value)) in CONTROL_FLOW | RANDOM:
            raise InputRefused(
                f"{name}: the operator {operator} may not be part of a policy. {_ADVICE[operator]}"
            )
        if field == _NODE_DOMAIN and text(value) not in ("", "ai.onnx"):
            raise InputRefused(f"{name}: expected operators of ONNX itself, found some of {text(value)!r}.")
        if field == _NODE_ATTRIBUTE:
            for part, tensor, _ in fields(message(value)):
                if part == _ATTRIBUTE_TENSOR:
                    _check_tensor(message(tensor), name)


def _check_tensor(tensor: memoryview, name: str) -> None:
    for field, value, _ in fields(tensor):
        if field == _TENSOR_EXTERNAL_DATA or (field == _TENSOR_DATA_LOCATION and value != 0):
            raise InputRefused(
                f"{name}: keeps weights in another file; a policy is one file. "
                "Export it with external_data=False."
            )
