"""The graph in float16 between its first and its last product; what enters and leaves it stays float32.

Not with a general converter: observations in raw units and their normalisation would overflow at 65,504 or
lose the digits that the normaliser is there for.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lander_runtime.errors import CheckFailed

PRODUCTS = frozenset({"Gemm", "MatMul", "Conv"})
"""Operators that hold nearly all weights and take nearly all time."""

_FLOAT, _HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of `model` that computes in float16 between its first and its last product.

    Raises:
        CheckFailed: it has no products, its types cannot be inferred, or a weight is too large for float16.
    """
    try:
        made = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise CheckFailed(
            "The types of the policy's values cannot be found, so they stay float32."
        ) from error
    graph = made.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    floats = _float_values(graph)
    inside = _between_products(graph)
    produced = {name for node in inside for name in node.output if name in floats}
    rewriting = _Rewriting(weights, floats, produced)
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        half = any(node is one for one in inside)
        nodes += rewriting.to_half(node) if half else rewriting.to_float(node)
    nodes += rewriting.outputs(graph.output)
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(_used([*weights.values(), *rewriting.halves.values()], graph))
    return made


class _Rewriting:
    """Writes nodes anew, with a cast wherever a value crosses from one precision to the other."""

    def __init__(self, weights: dict[str, onnx.TensorProto], floats: set[str], produced: set[str]) -> None:
        """`floats` are the names of all float32 values, `produced` those that are float16 now."""
        self._weights, self._floats, self._produced = weights, floats, produced
        self._cast: set[str] = set()
        self.halves: dict[str, onnx.TensorProto] = {}
        """Weights in float16, by their old name."""

    def to_half(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """The node with float16 inputs and outputs, after the casts that it needs."""
        casts = []
        for place, name in enumerate(node.input):
            if name in self._weights and name in self._floats:
                if name not in self.halves:
                    self.halves[name] = _halved(self._weights[name])
                node.input[place] = self.halves[name].name
            elif name in self._floats:
                casts += self._crossing(name, f"{name}.half", _HALF, needed=name not in self._produced)
                node.input[place] = f"{name}.half"
        for place, name in enumerate(node.output):
            if name in self._produced:
                node.output[place] = f"{name}.half"
        return [*casts, node]

    def to_float(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """The node as it is, after casts of the float16 values that it takes."""
        casts = []
        for name in node.input:
            casts += self._crossing(f"{name}.half", name, _FLOAT, needed=name in self._produced)
        return [*casts, node]

    def outputs(self, values: Iterable[onnx.ValueInfoProto]) -> list[onnx.NodeProto]:
        """Casts for the graph's outputs that no node has asked for."""
        return [
            cast
            for value in values
            for cast in self._crossing(f"{value.name}.half", value.name, _FLOAT, value.name in self._produced)
        ]

    def _crossing(self, source: str, target: str, kind: int, needed: bool) -> list[onnx.NodeProto]:
        if not needed or target in self._cast:
            return []
        self._cast.add(target)
        return [helper.make_node("Cast", [source], [target], f"{target}.cast", to=kind)]


def _between_products(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The products and every node on a way from one of them to another."""
    products = products_of(graph)
    if not products:
        raise CheckFailed("The policy has no layers whose weights could be stored in float16.")
    behind = {name for node in products for name in node.output}
    for node in graph.node:
        if behind & set(node.input):
            behind.update(node.output)
    before = {name for node in products for name in node.input}
    for node in reversed(graph.node):
        if before & set(node.output):
            before.update(node.input)
    return [
        node
        for node in graph.node
        if any(node is one for one in products) or (behind & set(node.output) and before & set(node.output))
    ]


def products_of(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The layers with weights, but not a product with zeros, which only gives a constant a batch axis."""
    zeros = {tensor.name for tensor in graph.initializer if not numpy_helper.to_array(tensor).any()}
    return [node for node in graph.node if node.op_type in PRODUCTS and node.input[1] not in zeros]


def _float_values(graph: onnx.GraphProto) -> set[str]:
    values = [*graph.input, *graph.output, *graph.value_info]
    names = {value.name for value in values if value.type.tensor_type.elem_type == _FLOAT}
    return names | {tensor.name for tensor in graph.initializer if tensor.data_type == _FLOAT}


def _halved(tensor: onnx.TensorProto) -> onnx.TensorProto:
    with np.errstate(over="ignore"):
        half = numpy_helper.to_array(tensor).astype(np.float16)
    if not np.isfinite(half).all():
        raise CheckFailed("A weight of the policy is too large for float16, whose largest number is 65,504.")
    return numpy_helper.from_array(half, f"{tensor.name}.half")


def _used(tensors: list[onnx.TensorProto], graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    taken = {name for node in graph.node for name in node.input}
    return [tensor for tensor in tensors if tensor.name in taken]
