"""From a graph to the steps of a network; whatever is no plain multilayer perceptron is refused.

The graph is walked from an output back to the observation. Each node on the way must take one value that
changes with the observation, and constants.
"""

from collections.abc import Callable, Collection
from typing import NoReturn, TypeGuard

import numpy as np

from lander_export.c_header.constants import attribute, constants_of
from lander_export.c_header.network import Activation, Dense, Floats, Kind, Operation, Step, WithConstant
from lander_runtime.errors import InputRefused
from lander_runtime.foreign.analysis.pruning import producers, values_that_follow
from lander_runtime.graphs.model import Graph, Node
from lander_runtime.text import quoted

_FLOAT = 1
"""TensorProto.DataType of float32."""

_MOST_NODES = 1000

_IMAGES = frozenset({"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "Resize"})
_MEMORY = frozenset({"LSTM", "GRU", "RNN", "Attention"})

_NO_STEP = frozenset({"Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Expand"})
"""The vector stays as it is: only its shape or its name changes."""

_AFTER_SCORES = frozenset({"ArgMax", "TopK", "Softmax", "LogSoftmax", "Cast", *_NO_STEP})
"""The largest of the numbers before these is the largest after them too."""


class GraphReader:
    """Walks one graph; `name` is what to call its file in errors."""

    def __init__(self, graph: Graph, name: str) -> None:
        self._name = name
        self._graph = graph
        self._constants = constants_of(graph)
        self._made = producers(graph)

    def scores_behind(self, output: str) -> str:
        """The numbers whose largest is the action that `output` gives, or whose softmax it is."""
        for _ in range(_MOST_NODES):
            node = self._made.get(output)
            if node is None or not (node.operator in _AFTER_SCORES or self._normalises(node)):
                return output
            output = node.inputs[0]
        return output

    def _normalises(self, node: Node) -> bool:
        """Whether it takes the logarithm of the sum of exponentials off, as PyTorch's Categorical does."""
        behind = self._made.get(node.inputs[1]) if node.operator == "Sub" else None
        return (
            behind is not None and behind.operator == "ReduceLogSumExp" and behind.inputs[0] == node.inputs[0]
        )

    def steps(self, start: str, end: str, width: int) -> list[Step]:
        """The steps from the value called `start`, of `width` numbers, to the one called `end`.

        Raises:
            InputRefused: there is something else than a multilayer perceptron between them.
        """
        moving = values_that_follow(self._graph, [start])
        found: list[Step] = []
        for _ in range(_MOST_NODES):
            if end == start:
                return self._fitted(found, width)
            node = self._made.get(end)
            if node is None or end not in moving:
                self._refuse(f"{quoted(end)} is not made of {quoted(start)}")
            steps, end = self._read(node, moving)
            found = [*steps, *found]
        self._refuse("it has too many operators one after the other")

    def constant_bias(self, output: str) -> Floats | None:
        """What `output` is for every observation: the bias of a product with zeros; None where it varies."""
        for _ in range(_MOST_NODES):
            node = self._made.get(output)
            if node is None:
                return None
            if node.operator == "Gemm" and len(node.inputs) == 3:
                weight, bias = (self._constants.get(name) for name in node.inputs[1:])
                if weight is None or bias is None or weight.any() or bias.dtype != np.float32:
                    return None
                return bias.astype(np.float32).ravel()
            if node.operator not in _NO_STEP:
                return None
            output = node.inputs[0]
        return None

    def _fitted(self, steps: list[Step], width: int) -> list[Step]:
        joined: list[Step] = []
        for step in steps:
            after = step.width(width)
            if not after:
                self._refuse(f"a layer or constant does not fit a vector of {width} numbers")
            before = joined[-1] if joined else None
            if isinstance(before, Dense) and not before.bias.any() and _is_bias(step):
                values = np.broadcast_to(step.values, after).astype(np.float32)
                joined[-1] = Dense(before.weight, values)
            else:
                joined.append(step)
            width = after
        return joined

    def _read(self, node: Node, moving: Collection[str]) -> tuple[list[Step], str]:
        """The steps of a node, and the value that they begin with."""
        changing = [name for name in node.inputs if name in moving]
        if node.operator == "Mul" and len(changing) == 2:
            return [Activation("silu")], self._behind_silu(*changing)
        reader = _READERS.get(node.operator)
        place = node.inputs.index(changing[0])
        # Of a sum or product the constant may stand first.
        if reader is None or len(changing) != 1 or (place and node.operator not in ("Add", "Mul")):
            self._refuse_operator(node)
        constants = (*node.inputs[:place], *node.inputs[place + 1 :])
        return reader(self, node, constants), changing[0]

    def _behind_silu(self, one: str, other: str) -> str:
        """Of a number times its sigmoid: the number."""
        for value, gate in ((one, other), (other, one)):
            node = self._made.get(gate)
            if node is not None and node.operator == "Sigmoid" and node.inputs[0] == value:
                return value
        self._refuse("it multiplies two values that both change with the observation")

    def row(self, name: str, node: Node) -> Floats:
        """A constant that is one number, or one for each number of the vector."""
        values = self.floats(name, f"what {node.operator} takes")
        if values.size != (values.shape[-1] if values.ndim else 1):
            self.refuse_setting(node, "shape")
        return values.ravel()

    def floats(self, name: str, what: str) -> Floats:
        """A constant of float32 numbers."""
        values = self._constants.get(name)
        if values is None or values.dtype != np.float32:
            self._refuse(f"{what} is not a constant of float32 numbers")
        if not np.isfinite(values).all():
            self._refuse(f"{what} holds a number that is not finite")
        return values.astype(np.float32, copy=False)

    def refuse_setting(self, node: Node, setting: str) -> NoReturn:
        """For a node whose attribute called `setting` has a value that a plain network has not."""
        self._refuse(f"{node.operator} has an unusual {setting!r}")

    def _refuse_operator(self, node: Node) -> NoReturn:
        if node.operator in _IMAGES:
            self._refuse(f"it looks at pictures ({node.operator})")
        if node.operator in _MEMORY:
            self._refuse(f"it has a memory ({node.operator})")
        self._refuse(f"the operator {quoted(node.operator)} is used in a way that is no plain layer")

    def _refuse(self, reason: str) -> NoReturn:
        raise InputRefused(
            f"{self._name}: no multilayer perceptron that C can be written for: {reason}. "
            "Run the ONNX file itself, in C or C++ with ONNX Runtime (docs/embedding.md)."
        )


def _is_bias(step: Step) -> TypeGuard[WithConstant]:
    return isinstance(step, WithConstant) and step.operation == "add"


def _gemm(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> list[Step]:
    if attribute(node, "transA", 0):
        reader.refuse_setting(node, "transA")
    weight = _matrix(reader, node, constants)
    weight = weight.T if attribute(node, "transB", 0) else weight
    alpha, beta = (np.float32(attribute(node, name, 1.0)) for name in ("alpha", "beta"))
    bias = np.zeros(weight.shape[1], np.float32)
    if len(constants) > 1 and constants[1]:
        values = reader.floats(constants[1], "a bias")
        if values.size not in (1, len(bias)):
            reader.refuse_setting(node, "bias")
        bias = np.broadcast_to(values.ravel(), len(bias))
    return [Dense((weight * alpha).astype(np.float32), (bias * beta).astype(np.float32))]


def _matmul(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> list[Step]:
    weight = _matrix(reader, node, constants)
    return [Dense(weight, np.zeros(weight.shape[1], np.float32))]


def _matrix(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> Floats:
    weight = reader.floats(constants[0], "a weight") if constants else np.zeros(0, np.float32)
    if weight.ndim != 2:
        reader.refuse_setting(node, "weight")
    return weight


def _with_constant(operation: Operation) -> "Reader":
    def read(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> list[Step]:
        if len(constants) != 1:
            reader.refuse_setting(node, "number of inputs")
        return [WithConstant(operation, reader.row(constants[0], node))]

    return read


def _clip(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> list[Step]:
    found: list[Step] = []
    bounds: list[tuple[Operation, str]] = [("at_least", "min"), ("at_most", "max")]
    for place, (operation, name) in enumerate(bounds):
        # Attributes before opset 11, inputs since.
        value = attribute(node, name, None)
        if value is not None:
            found.append(WithConstant(operation, np.array([value], np.float32)))
        elif len(constants) > place and constants[place]:
            found.append(WithConstant(operation, reader.row(constants[place], node)))
    return found


def _activation(kind: Kind, alpha: float = 1.0) -> "Reader":
    def read(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> list[Step]:
        return [Activation(kind, float(np.float32(attribute(node, "alpha", alpha))))]

    return read


def _nothing(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> list[Step]:
    return []


def _cast(reader: GraphReader, node: Node, constants: tuple[str, ...]) -> list[Step]:
    if attribute(node, "to", None) != _FLOAT:
        reader.refuse_setting(node, "to")
    return []


Reader = Callable[[GraphReader, Node, tuple[str, ...]], list[Step]]
"""(reader, node, its constant inputs) -> its steps; none where the vector stays as it is."""

_READERS: dict[str, Reader] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _with_constant("add"),
    "Sub": _with_constant("subtract"),
    "Mul": _with_constant("multiply"),
    "Div": _with_constant("divide"),
    "Max": _with_constant("at_least"),
    "Min": _with_constant("at_most"),
    "Clip": _clip,
    "Tanh": _activation("tanh"),
    "Relu": _activation("relu"),
    "LeakyRelu": _activation("leaky_relu", 0.01),
    "Elu": _activation("elu"),
    "Sigmoid": _activation("sigmoid"),
    "Cast": _cast,
    **dict.fromkeys(_NO_STEP, _nothing),
}
