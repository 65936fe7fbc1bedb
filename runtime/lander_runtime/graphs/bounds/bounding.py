"""`check_bounds`: the walk over a graph that adds up what it would take, and the limits.

The shapes of the inputs are given with their batch. lander runs batches of 1 and 32 rows, and those of the
golden vectors; a graph that looks at sizes could make any number of any of them, so it is looked at for all
up to 32.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.bounds.call import FLOAT, INT64, Call, Held, as_numpy, unknown
from lander_runtime.graphs.bounds.folding import FEW, folded
from lander_runtime.graphs.bounds.table import MAY_LACK_INPUTS, RULES
from lander_runtime.graphs.model import TEXTS, Graph, Model, Node, Tensor, TensorType
from lander_runtime.text import quoted

BATCH = 32
"""Rows that lander runs at once, and the most for which a graph is bounded."""


OLDEST_OPSET, NEWEST_OPSET = 7, 28
"""Whose operators have these rules: the first that ONNX Runtime promises to run, the last of onnx 1.23."""


@dataclass(frozen=True)
class Limits:
    """What a graph may take."""

    nodes: int = 4096
    one_value: int = 128 << 20
    """Bytes of the largest value at a batch of 32."""
    at_once: int = 384 << 20
    """Bytes of all values that are needed at one time, with all that follow from constants."""
    work: int = 8_000_000_000
    """Of a batch of 32, in products of single precision: about a second and a half on one core."""


USUAL = Limits()

LARGE = Limits(16384, 1 << 30, 4 << 30, 256_000_000_000)
"""Where the user has said --large."""

Shapes = Mapping[str, Sequence[int]]
"""Of the inputs, by their names."""


def batches(graph: Graph) -> Sequence[int]:
    """Sizes of a batch that stand for all up to 32.

    All of them where a graph computes with the sizes of its values, and so may treat each in another way.
    Others only grow with their batch.
    """
    if any(node.operator in ("Shape", "Size") for node in graph.nodes):
        return range(1, BATCH + 1)
    return (1, BATCH)


def declared_shapes(graph: Graph) -> list[dict[str, tuple[int, ...]]]:
    """The shapes of the inputs as a graph declares them, for each of `batches`.

    An open size is the batch at the front, and 1 elsewhere, where no policy with metadata has one.
    """
    return [_declared(graph, batch) for batch in batches(graph)]


def _declared(graph: Graph, batch: int) -> dict[str, tuple[int, ...]]:
    found = {}
    constants = {tensor.name for tensor in graph.initializers}
    for value in graph.inputs:
        if value.name in constants or not isinstance(value.type, TensorType):
            continue
        sizes = value.type.shape or ()
        found[value.name] = tuple(
            size if isinstance(size, int) else batch if place == 0 else 1 for place, size in enumerate(sizes)
        )
    return found


def check_bounds(model: Model, name: str, shapes: Sequence[Shapes], limits: Limits = USUAL) -> int:
    """Refuse a model that would take more memory or work than a policy does, or could end the process.

    Args:
        model: one that `check_structure` has passed.
        name: what to call its file in errors.
        shapes: the shapes that its inputs may have; for each of `batches`, where the batch is open.
        limits: what it may take.

    Returns:
        The work of the largest, in products of single precision.

    Raises:
        InputRefused: it would take too much, or what it would take is not known before it runs.
    """
    if not OLDEST_OPSET <= model.opset <= NEWEST_OPSET:
        wanted = f"up to {NEWEST_OPSET}" if model.opset > NEWEST_OPSET else f"of {OLDEST_OPSET} or later"
        raise InputRefused(
            f"{name}: expected an opset {wanted}, found {model.opset}. Export it with opset_version=18."
        )
    if len(model.graph.nodes) > limits.nodes:
        raise InputRefused(
            f"{name}: expected at most {limits.nodes:,} operators, found {len(model.graph.nodes):,}. "
            "Export the plain network, for inference."
        )
    return max(Walk(model, name, limits).run(given) for given in shapes)


class Walk:
    """One pass over the nodes for one set of input shapes."""

    def __init__(self, model: Model, name: str, limits: Limits) -> None:
        self._model, self._name, self._limits = model, name, limits
        self.held: dict[str, Held] = {"": unknown(FLOAT, ())}
        """What is known of each value, by its name."""
        self._constant: set[str] = set()
        self._bytes = self._work = 0

    def run(self, shapes: Shapes) -> int:
        graph = self._model.graph
        for tensor in graph.initializers:
            self.held[tensor.name] = _constant(tensor)
            self._constant.add(tensor.name)
        for value in graph.inputs:
            if value.name in shapes and isinstance(value.type, TensorType):
                if min(shapes[value.name], default=0) < 0:
                    # It would count as less than nothing.
                    raise InputRefused(
                        f"{self._name}: the input {quoted(value.name)} has a size below 0. Export it again."
                    )
                self.held[value.name] = unknown(value.type.element, shapes[value.name])
                self._constant.discard(value.name)
                self._take(self.held[value.name], value.name)
        last_use = {name: place for place, node in enumerate(graph.nodes) for name in node.inputs}
        kept = {value.name for value in graph.outputs}
        for place, node in enumerate(graph.nodes):
            self._node(node)
            for name in {*node.inputs, *node.outputs}:
                if last_use.get(name, place) == place and name not in kept and name not in self._constant:
                    self._bytes -= self.held[name].size if name in self.held else 0
        return self._work

    def _node(self, node: Node) -> None:
        inputs = [self.held.get(name) if name else None for name in node.inputs]
        for name, held in zip(node.inputs, inputs, strict=True):
            if name and held is None:
                raise InputRefused(
                    f"{self._name}: {node.operator} takes {quoted(name)}, which nothing before it makes. "
                    "Export it again."
                )
        call = Call(node, inputs, self._model.opset, self._name)
        if "" in node.inputs and node.operator not in MAY_LACK_INPUTS:
            call.refuse("lacks one of its inputs")
        outputs = _constant_node(call) if node.operator == "Constant" else self._ruled(call)
        if len(outputs) < len(node.outputs):
            call.refuse(f"gives {len(node.outputs)} values")
        constant = all(name in self._constant for name in node.inputs if name)
        for name, held in zip(node.outputs, outputs, strict=False):
            if not name:
                continue
            if name in self.held:
                call.refuse("gives a value that is there already")
            self.held[name] = held
            if constant:
                self._constant.add(name)
            self._take(held, name)
        self._work += call.work
        if self._work > self._limits.work:
            raise InputRefused(
                f"{self._name}: for {BATCH} observations it would compute {self._work:.1e} products or more "
                f"up to {quoted((node.outputs or ('',))[0])}; a policy has at most {self._limits.work:.0e}. "
                "Export a smaller network, or open it with: --large"
            )

    def _ruled(self, call: Call) -> list[Held]:
        try:
            outputs = RULES[call.node.operator](call)
        except (ArithmeticError, IndexError, TypeError, ValueError):
            call.refuse("has numbers that are no sizes")
        value = folded(call, outputs)
        if value is None:
            return outputs
        first = outputs[0]
        return [Held(first.element, first.dims, value), *outputs[1:]]

    def _take(self, held: Held, name: str) -> None:
        self._bytes += held.size
        if held.size > self._limits.one_value or self._bytes > self._limits.at_once:
            raise InputRefused(
                f"{self._name}: {quoted(name)} has {held.count:,} numbers for {BATCH} observations, and with "
                f"what is needed beside it {self._bytes / 2**20:,.0f} MB; a policy takes at most "
                f"{self._limits.at_once / 2**20:,.0f} MB. Export a smaller network, or open it with: --large"
            )


def _constant(tensor: Tensor) -> Held:
    dtype = as_numpy(tensor.element)
    held = Held(tensor.element, tensor.dims)
    if dtype is None or tensor.element == TEXTS or held.count > FEW:
        return held
    value = np.frombuffer(tensor.raw, dtype).reshape(tensor.dims)
    return Held(tensor.element, tensor.dims, value)


def _constant_node(call: Call) -> list[Held]:
    [attribute] = call.node.attributes if len(call.node.attributes) == 1 else call.refuse("has no one value")
    value: Any = attribute.value
    if isinstance(value, Tensor):
        return [_constant(value)]
    if attribute.kind in ("INT", "INTS"):
        return [_few(np.array(value, np.int64), INT64)]
    if attribute.kind in ("FLOAT", "FLOATS"):
        return [_few(np.array(value, np.float32), FLOAT)]
    return [Held(TEXTS, () if isinstance(value, bytes) else (len(value),))]


def _few(value: "np.ndarray[Any, Any]", element: int) -> Held:
    return Held(element, value.shape, value if value.size <= FEW else None)
