"""The constants of a graph: initialisers, and what a few operators make of them alone.

Exporters write a weight in turn: as it is, transposed, or as a node of its own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.graphs.model import Graph, Node, Tensor
from lander_runtime.graphs.numbers import array_of

Array = NDArray[np.generic]


def constants_of(graph: Graph) -> dict[str, Array]:
    """All values by name that depend on no input and that the operators here can work out."""
    found: dict[str, Array] = {}
    for tensor in graph.initializers:
        values = array_of(tensor)
        if values is not None:
            found[tensor.name] = values
    for node in graph.nodes:
        values = _value(node, found)
        if values is not None and node.outputs:
            found[node.outputs[0]] = values
    return found


def attribute(node: Node, name: str, otherwise: Any) -> Any:
    """An attribute's value, `otherwise` where the node does not have it."""
    return next((item.value for item in node.attributes if item.name == name), otherwise)


def _value(node: Node, known: Mapping[str, Array]) -> Array | None:
    if node.operator == "Constant":
        return _constant(node)
    rule = _RULES.get(node.operator)
    given = [known.get(name) for name in node.inputs]
    if rule is None or not given or any(value is None for value in given):
        return None
    try:
        return rule(node, *given)
    except (ValueError, TypeError, IndexError):  # A stranger's shapes and axes need not fit.
        return None


def _constant(node: Node) -> Array | None:
    for item in node.attributes:
        if isinstance(item.value, Tensor):
            return array_of(item.value)
        if item.kind in ("FLOAT", "FLOATS"):
            return np.asarray(item.value, np.float32)
        if item.kind in ("INT", "INTS"):
            return np.asarray(item.value, np.int64)
    return None


def _transposed(node: Node, values: Array) -> Array:
    return np.transpose(values, attribute(node, "perm", None))


def _reshaped(node: Node, values: Array, shape: Array) -> Array | None:
    wanted = [int(size) for size in shape.ravel()]
    # Zero copies a size, which no constant here needs.
    return None if 0 in wanted else values.reshape(wanted)


_RULES: dict[str, Callable[..., Array | None]] = {
    "Identity": lambda node, values: values,
    "Transpose": _transposed,
    "Reshape": _reshaped,
}
