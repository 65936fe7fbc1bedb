"""How a graph ends: the interval that its last operators keep an output within.

    ... -> Gemm -> Tanh -> Mul(2)            -2 to 2: scaled to an environment's bounds
    ... -> Gemm -> Tanh -> Reshape           -1 to 1: squashed, and scaled by the library afterwards, or not
    ... -> Tanh -> Gemm                      unbounded: a plain linear layer, of which nothing can be seen

Interval arithmetic (Moore 1966) from the operators that bound a value to the output, element by element, with
the shapes and constants of one trial run. What is not known here is unbounded.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.foreign.analysis.pruning import producers, true_inputs, values_that_follow
from lander_runtime.graphs.model import Graph, Node

Array = NDArray[np.float64]
Values = Callable[[Collection[str]], Mapping[str, NDArray[np.generic]]]
"""Values of a trial run by their names."""

_MOST = 300
"""Values on the way back from an output; more are left out as unbounded."""


@dataclass(frozen=True)
class Interval:
    """Lowest and highest values of each element; infinite where nothing bounds it."""

    low: Array
    high: Array

    def reshaped(self, shape: tuple[int, ...]) -> "Interval":
        return Interval(self.low.reshape(shape), self.high.reshape(shape))

    def filled(self, shape: tuple[int, ...]) -> "Interval":
        """One interval that holds all elements, in another shape."""
        if not self.low.size:
            return unbounded(shape)
        return Interval(np.full(shape, self.low.min()), np.full(shape, self.high.max()))


def unbounded(shape: tuple[int, ...]) -> Interval:
    """Anything, in each element."""
    return Interval(np.full(shape, -np.inf), np.full(shape, np.inf))


def interval_of(graph: Graph, output: str, values: Values) -> Interval:
    """The interval of `output`, in the shape that it has in the trial run.

    Args:
        graph: nodes in the order in which they run.
        output: the name of a value.
        values: gives values of one trial run by name.
    """
    moving = values_that_follow(graph, {value.name for value in true_inputs(graph)})
    made = producers(graph)
    way = _way_back(output, moving, made)
    found = values(way)
    intervals: dict[str, Interval] = {}
    with np.errstate(all="ignore"):
        # What comes last on the way back comes first in the graph.
        for name in _in_order(graph, way):
            node, value = made.get(name), found[name]
            if name not in moving and value.dtype.kind in "biuf":
                constant = value.astype(np.float64)
                intervals[name] = Interval(constant, constant)
            elif node is None or node.operator not in _RULES:
                intervals[name] = unbounded(value.shape)
            else:
                intervals[name] = _applied(node, intervals, value.shape, made)
    return intervals[output]


def _way_back(output: str, moving: set[str], made: Mapping[str, Node]) -> list[str]:
    """The values that decide on the interval of `output`, itself the first."""
    way, waiting = {output: None}, [output]
    while waiting and len(way) < _MOST:
        name = waiting.pop()
        node = made.get(name)
        if name not in moving or node is None or node.operator not in _RULES:
            continue
        for given in _operands(node):
            if given and given not in way:
                way[given] = None
                waiting.append(given)
    return list(way)


def _in_order(graph: Graph, names: list[str]) -> list[str]:
    place = {name: number for number, node in enumerate(graph.nodes) for name in node.outputs}
    return sorted(names, key=lambda name: place.get(name, -1))


def _operands(node: Node) -> tuple[str, ...]:
    """The inputs whose values, and not only shapes, an output holds."""
    return node.inputs if node.operator in _OF_ALL else node.inputs[:1]


def _applied(
    node: Node, intervals: Mapping[str, Interval], shape: tuple[int, ...], made: Mapping[str, Node]
) -> Interval:
    given = [intervals.get(name) for name in _operands(node) if name]
    if not given or any(one is None for one in given):
        return unbounded(shape)
    if node.operator == "Div" and _normalised(node, made):
        return Interval(np.full(shape, -1.0), np.full(shape, 1.0))
    try:
        result = _RULES[node.operator](node, [one for one in given if one is not None], shape)
    except (ValueError, IndexError):  # Shapes that a file declares one way and has another.
        return unbounded(shape)
    low, high = np.broadcast_to(result.low, shape), np.broadcast_to(result.high, shape)
    # Infinity less infinity is anything.
    return Interval(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))


def _normalised(node: Node, made: Mapping[str, Node]) -> bool:
    """Whether a division is x / (1 + |x|) or x / its norm."""
    if len(node.inputs) != 2:
        return False
    value, name = node.inputs
    for _ in range(8):
        behind = made.get(name)
        if behind is None:
            return False
        if behind.operator in ("Abs", "ReduceL2"):
            return behind.inputs[0] == value
        if behind.operator not in ("Add", "Clip", "Max", "Expand", "Identity", "Sqrt"):
            return False
        name = next((one for one in behind.inputs if one in made and made[one].operator != "Constant"), "")
    return False


Rule = Callable[[Node, list[Interval], tuple[int, ...]], Interval]


def _same(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    return given[0].reshaped(shape)


def _hull(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    return given[0].filled(shape)


def _transposed(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    axes = next((item.value for item in node.attributes if item.name == "perm"), None)
    order = axes if isinstance(axes, tuple) else tuple(range(len(shape)))[::-1]
    places = [int(axis) for axis in order]
    return Interval(given[0].low.transpose(places), given[0].high.transpose(places))


def _expanded(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    return given[0]


def _joined(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    axis = next(item.value for item in node.attributes if item.name == "axis")
    assert isinstance(axis, int)
    low, high = (np.concatenate([getattr(one, end) for one in given], axis) for end in ("low", "high"))
    return Interval(low, high)


def _chosen(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    _, one, other = given
    return Interval(np.minimum(one.low, other.low), np.maximum(one.high, other.high))


def _within(low: float, high: float) -> Rule:
    return lambda node, given, shape: Interval(np.full(shape, low), np.full(shape, high))


def _rising(function: Callable[[Array], Array]) -> Rule:
    return lambda node, given, shape: Interval(function(given[0].low), function(given[0].high))


def _clipped(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    # Attributes before opset 11, inputs since.
    low: Any = _number(node, "min", -np.inf)
    high: Any = _number(node, "max", np.inf)
    bounds = iter(given[1:])
    for place, name in enumerate(node.inputs[1:3]):
        if name and place == 0:
            low = next(bounds).low
        elif name:
            high = next(bounds).high
    return Interval(
        np.minimum(np.maximum(given[0].low, low), high), np.minimum(np.maximum(given[0].high, low), high)
    )


def _sum(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    low, high = sum(one.low for one in given), sum(one.high for one in given)
    parts = len(given) if node.operator == "Mean" else 1
    return Interval(np.asarray(low) / parts, np.asarray(high) / parts)


def _difference(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    return Interval(given[0].low - given[1].high, given[0].high - given[1].low)


def _product(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    one, other = given
    # Nothing times whatever is nothing: 0 x infinity is 0 here.
    ends = [
        np.where((a == 0) | (b == 0), 0.0, a * b)
        for a in (one.low, one.high)
        for b in (other.low, other.high)
    ]
    return Interval(np.minimum.reduce(ends), np.maximum.reduce(ends))


def _quotient(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    other = given[1]
    through_zero = (other.low <= 0) & (other.high >= 0)
    inverse = Interval(
        np.where(through_zero, -np.inf, 1.0 / other.high), np.where(through_zero, np.inf, 1.0 / other.low)
    )
    return _product(node, [given[0], inverse], shape)


def _negative(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    return Interval(-given[0].high, -given[0].low)


def _absolute(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    low, high = given[0].low, given[0].high
    through_zero = (low <= 0) & (high >= 0)
    nearest = np.minimum(np.abs(low), np.abs(high))
    return Interval(np.where(through_zero, 0.0, nearest), np.maximum(np.abs(low), np.abs(high)))


def _least(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    return Interval(_reduced(np.minimum, given, "low"), _reduced(np.minimum, given, "high"))


def _greatest(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    return Interval(_reduced(np.maximum, given, "low"), _reduced(np.maximum, given, "high"))


def _reduced(function: np.ufunc, given: list[Interval], end: str) -> Array:
    result = getattr(given[0], end)
    for one in given[1:]:
        result = function(result, getattr(one, end))
    return result


def _sigmoid(values: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-values))


def _number(node: Node, name: str, otherwise: float) -> float:
    """An attribute that is a number."""
    value = next((item.value for item in node.attributes if item.name == name), otherwise)
    return float(value) if isinstance(value, int | float) else otherwise


def _hard_sigmoid(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    alpha, beta = _number(node, "alpha", 0.2), _number(node, "beta", 0.5)
    return Interval(*(np.clip(alpha * end + beta, 0.0, 1.0) for end in (given[0].low, given[0].high)))


_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            *("Identity", "Cast", "CastLike", "Reshape", "Flatten", "Squeeze", "Unsqueeze"),
            *("QuantizeLinear", "DequantizeLinear"),
        ),
        _same,
    ),
    **dict.fromkeys(
        (
            *("Slice", "Gather", "GatherElements", "GatherND", "Split", "Tile", "Compress", "ReduceMax"),
            *("ReduceMin", "ReduceMean", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "AveragePool"),
            *("DepthToSpace", "SpaceToDepth"),
        ),
        _hull,
    ),
    "Expand": _expanded,
    "Transpose": _transposed,
    "Concat": _joined,
    "Where": _chosen,
    **dict.fromkeys(("Sin", "Cos", "LpNormalization", "Sign"), _within(-1.0, 1.0)),
    **dict.fromkeys(("Softmax", "Hardmax"), _within(0.0, 1.0)),
    "Erf": _rising(np.vectorize(math.erf, otypes=[np.float64])),
    "Tanh": _rising(np.tanh),
    "Atan": _rising(np.arctan),
    "Sigmoid": _rising(_sigmoid),
    "HardSigmoid": _hard_sigmoid,
    "Softsign": _rising(lambda x: np.where(np.isinf(x), np.sign(x), x / (1.0 + np.abs(x)))),
    "Exp": _rising(np.exp),
    "Sqrt": _rising(lambda x: np.sqrt(np.maximum(x, 0.0))),
    "Relu": _rising(lambda x: np.maximum(x, 0.0)),
    **dict.fromkeys(("Round", "Floor", "Ceil"), _rising(np.round)),
    "Clip": _clipped,
    "Add": _sum,
    "Sum": _sum,
    "Mean": _sum,
    "Sub": _difference,
    "Mul": _product,
    "Div": _quotient,
    "Neg": _negative,
    "Abs": _absolute,
    "Min": _least,
    "Max": _greatest,
}

_OF_ALL = frozenset({"Concat", "Where", "Clip", "Add", "Sum", "Mean", "Sub", "Mul", "Div", "Min", "Max"})
