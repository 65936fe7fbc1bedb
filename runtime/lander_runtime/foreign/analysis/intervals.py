"""Interval arithmetic (Moore 1966) for ONNX's operators: what each makes of the intervals that go in.

Apart from `ending.py`, which walks a graph: here is one operator at a time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.graphs.model import Node

Array = NDArray[np.float64]


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


def within_one(shape: tuple[int, ...]) -> Interval:
    """From -1 to 1, in each element."""
    return Interval(np.full(shape, -1.0), np.full(shape, 1.0))


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
    low: Any = number(node, "min", -np.inf)
    high: Any = number(node, "max", np.inf)
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
    if len(node.inputs) == 2 and node.inputs[0] == node.inputs[1]:
        return _power(node, [one, Interval(np.array(2.0), np.array(2.0))], shape)
    # Nothing times whatever is nothing: 0 x infinity is 0 here.
    ends = [
        np.where((a == 0) | (b == 0), 0.0, a * b)
        for a in (one.low, one.high)
        for b in (other.low, other.high)
    ]
    return Interval(np.minimum.reduce(ends), np.maximum.reduce(ends))


def _power(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    one, exponent = given
    if exponent.low.size != 1 or not np.array_equal(exponent.low, exponent.high):
        return unbounded(shape)
    power = exponent.low.item()
    if power == 0 or power != int(power):
        return unbounded(shape)
    base = _absolute(node, [one], shape) if power % 2 == 0 else one
    if power < 0:
        base, power = _reciprocal(node, [base], shape), -power
    return Interval(base.low**power, base.high**power)


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


def number(node: Node, name: str, otherwise: float) -> float:
    """An attribute that is a number."""
    value = next((item.value for item in node.attributes if item.name == name), otherwise)
    return float(value) if isinstance(value, int | float) else otherwise


def _hard_sigmoid(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    alpha, beta = number(node, "alpha", 0.2), number(node, "beta", 0.5)
    return Interval(*(np.clip(alpha * end + beta, 0.0, 1.0) for end in (given[0].low, given[0].high)))


def _leaky(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    slope = number(node, "alpha", 0.01)
    if slope < 0:
        return unbounded(shape)
    return Interval(*(np.where(end < 0, slope * end, end) for end in (given[0].low, given[0].high)))


def _reciprocal(node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
    one = np.ones_like(given[0].low)
    return _quotient(node, [Interval(one, one), given[0]], shape)


COMPARISONS = frozenset({"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "And", "Or", "Xor"})

RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            *("Identity", "Cast", "CastLike", "Reshape", "Flatten", "Squeeze", "Unsqueeze"),
            *("QuantizeLinear", "DequantizeLinear"),
        ),
        _same,
    ),
    **dict.fromkeys(
        (
            *("GatherElements", "GatherND", "Tile", "Compress", "ReduceMax", "ReduceMin", "ReduceMean"),
            *("GlobalAveragePool", "GlobalMaxPool", "MaxPool", "AveragePool"),
            *("DepthToSpace", "SpaceToDepth"),
        ),
        _hull,
    ),
    "Expand": _expanded,
    "Transpose": _transposed,
    "Concat": _joined,
    "Where": _chosen,
    **dict.fromkeys(("Sin", "Cos", "LpNormalization", "Sign"), _within(-1.0, 1.0)),
    **dict.fromkeys(("Softmax", "Hardmax", "Not", "IsNaN", "IsInf", *COMPARISONS), _within(0.0, 1.0)),
    "Erf": _rising(np.vectorize(math.erf, otypes=[np.float64])),
    "Tanh": _rising(np.tanh),
    "Atan": _rising(np.arctan),
    "Sigmoid": _rising(_sigmoid),
    "HardSigmoid": _hard_sigmoid,
    "Softsign": _rising(lambda x: np.where(np.isinf(x), np.sign(x), x / (1.0 + np.abs(x)))),
    "Exp": _rising(np.exp),
    "Sqrt": _rising(lambda x: np.sqrt(np.maximum(x, 0.0))),
    "Relu": _rising(lambda x: np.maximum(x, 0.0)),
    "LeakyRelu": _leaky,
    "Reciprocal": _reciprocal,
    "Round": _rising(np.round),
    "Floor": _rising(np.floor),
    "Ceil": _rising(np.ceil),
    "Clip": _clipped,
    "Add": _sum,
    "Sum": _sum,
    "Mean": _sum,
    "Sub": _difference,
    "Mul": _product,
    "Div": _quotient,
    "Pow": _power,
    "Neg": _negative,
    "Abs": _absolute,
    "Min": _least,
    "Max": _greatest,
}

OF_ALL = COMPARISONS | {
    "Concat", "Where", "Clip", "Add", "Sum", "Mean", "Sub", "Mul", "Div", "Pow", "Min", "Max",
}  # fmt: skip
"""Operators of which every input gives values to the output; of others the first alone does."""

MIXING = {
    "MatMul", "Gemm", "Conv", "ConvTranspose", "Einsum", "LSTM", "GRU", "RNN", "Attention", "ReduceSum",
    "BatchNormalization", "Det", "MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv",
}  # fmt: skip
"""Operators that add up products. Behind one nothing can be seen, unless it only scales (affine.py)."""
