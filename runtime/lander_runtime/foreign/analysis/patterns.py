"""Squashing that is written out in several operators, or hidden in one that remembers.

x / (1 + |x|)     (e^x - e^-x) / (e^x + e^-x)     x > 1 ? 1 : x     LSTM
"""

from collections.abc import Collection, Mapping

import numpy as np

from lander_runtime.foreign.analysis.intervals import Interval
from lander_runtime.graphs.model import Node

Makers = Mapping[str, Node]
"""The node that makes each value."""

CELLS = frozenset({"LSTM", "GRU", "RNN"})

_MOST_STEPS = 8
"""From a division back to what it divides by."""


def is_normalised(node: Node, made: Makers, moving: Collection[str]) -> bool:
    """Whether a division is x / (1 + |x|), x / sqrt(1 + x * x) or x / its norm."""
    (value, name), root = node.inputs, False
    for _ in range(_MOST_STEPS):
        behind = made.get(name)
        if behind is None:
            return False
        root |= behind.operator == "Sqrt"
        if behind.operator in ("Abs", "ReduceL2"):
            return behind.inputs[0] == value
        if behind.operator == "Pow" or (behind.operator, behind.inputs) == ("Mul", (value, value)):
            return root and behind.inputs[0] == value
        if behind.operator not in ("Add", "Clip", "Max", "Expand", "Identity", "Sqrt"):
            return False
        name = next((one for one in behind.inputs if one in moving), "")
    return False


def is_share(node: Node, made: Makers, intervals: Mapping[str, Interval]) -> bool:
    """Whether a division is (u - v) / (u + v) of numbers that are not below zero, as in tanh by hand."""
    above, below = (made.get(name) for name in node.inputs)
    if above is None or below is None or (above.operator, below.operator) != ("Sub", "Add"):
        return False
    parts = [intervals.get(name) for name in above.inputs]
    positive = all(part is not None and bool((part.low >= 0).all()) for part in parts)
    return positive and any(
        all(_same(*pair, intervals) for pair in zip(above.inputs, order, strict=True))
        for order in (below.inputs, below.inputs[::-1])
    )


def clip_of(node: Node, made: Makers, intervals: Mapping[str, Interval]) -> str | None:
    """`Min` or `Max` where a `Where` takes the smaller or the larger of the two that it compares."""
    condition, one, other = node.inputs
    compared = made.get(condition)
    if compared is None or compared.operator.removesuffix("OrEqual") not in ("Greater", "Less"):
        return None
    larger, smaller = compared.inputs if compared.operator.startswith("Greater") else compared.inputs[::-1]
    for taken, left, name in ((one, other, "Max"), (other, one, "Min")):
        if _same(taken, larger, intervals) and _same(left, smaller, intervals):
            return name
    return None


def is_squashed_cell(node: Node, value: str) -> bool:
    """Whether `value` is what a recurrent layer gives, from -1 to 1, and not the inner state of an LSTM."""
    told = next((item.value for item in node.attributes if item.name == "activations"), ())
    usual = isinstance(told, tuple) and all(one in (b"Sigmoid", b"Tanh") for one in told)
    return usual and value in node.outputs[:2]


def _same(one: str, other: str, intervals: Mapping[str, Interval]) -> bool:
    """Whether two names are of one value, or of constants of the same numbers, as exporters write them."""
    if one == other:
        return True
    pair = [intervals.get(name) for name in (one, other)]
    numbers = [given.low for given in pair if given is not None and np.array_equal(given.low, given.high)]
    if len(numbers) < 2:
        return False
    a, b = (part.ravel() for part in numbers)
    return np.array_equal(a, b) or np.unique([*a, *b]).size == 1
