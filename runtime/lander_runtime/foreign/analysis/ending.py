"""How a graph ends: the interval that its last operators keep an output within.

    ... -> Gemm -> Tanh -> Mul(2)            -2 to 2: scaled to an environment's bounds
    ... -> Gemm -> Tanh -> Reshape           -1 to 1: squashed, and scaled by the library afterwards, or not
    ... -> Tanh -> Gemm                      unbounded: a plain linear layer, of which nothing can be seen

From the operators that bound a value to the output, element by element, with the shapes and constants of one
trial run. Of an operator without a rule the trial run decides: where all values stay within the interval that
goes in, that is taken for it. What adds up products is unbounded.
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from lander_runtime.foreign.analysis.intervals import MIXING, MOVES, OF_ALL, RULES, Interval, moved, unbounded
from lander_runtime.foreign.analysis.pruning import producers, true_inputs, values_that_follow
from lander_runtime.graphs.model import Graph, Node

Values = Callable[[Collection[str]], Mapping[str, NDArray[np.generic]]]
"""Values of a trial run by their names."""

_MOST = 300
"""Values on the way back from an output; more are left out as unbounded."""


def interval_of(graph: Graph, output: str, values: Values) -> Interval:
    """The interval of `output`, in the shape that it has in the trial run.

    Args:
        graph: nodes in the order in which they run.
        output: the name of a value.
        values: gives values of one trial run by name.
    """
    return _Ending(graph, values).interval(output)


class _Ending:
    def __init__(self, graph: Graph, values: Values) -> None:
        self._graph = graph
        self._values = values
        self._moving = values_that_follow(graph, {value.name for value in true_inputs(graph)})
        self._made = producers(graph)

    def interval(self, output: str) -> Interval:
        way = self._way_back(output)
        places = {name: None for one in way for name in self._indices(one) if name not in self._moving}
        found = self._values([*way, *(name for name in places if name not in way)])
        intervals: dict[str, Interval] = {}
        with np.errstate(all="ignore"):
            # What comes last on the way back comes first in the graph.
            for name in _in_order(self._graph, way):
                intervals[name] = self._of(name, intervals, found)
        return intervals[output]

    def _way_back(self, output: str) -> list[str]:
        """The values that decide on the interval of `output`, itself the first."""
        way, waiting = {output: None}, [output]
        while waiting and len(way) < _MOST:
            for given in self._operands(waiting.pop()):
                if given not in way:
                    way[given] = None
                    waiting.append(given)
        return list(way)

    def _operands(self, name: str) -> list[str]:
        """The inputs whose values, and not only shapes, the value `name` holds."""
        node = self._made.get(name)
        if name not in self._moving or node is None or node.operator in MIXING:
            return []
        if node.operator in OF_ALL:
            return [given for given in node.inputs if given]
        if node.operator in RULES or node.operator in MOVES:
            return list(node.inputs[:1])
        moving = [given for given in node.inputs if given in self._moving]
        return moving if len(moving) == 1 else []

    def _indices(self, name: str) -> list[str]:
        """The inputs that say which elements are taken."""
        node = self._made.get(name)
        return [given for given in node.inputs[1:] if given] if node and node.operator in MOVES else []

    def _of(
        self, name: str, intervals: Mapping[str, Interval], found: Mapping[str, NDArray[np.generic]]
    ) -> Interval:
        node, value = self._made.get(name), found[name]
        if name not in self._moving and value.dtype.kind in "biuf":
            constant = value.astype(np.float64)
            return Interval(constant, constant)
        given = [intervals.get(one) for one in self._operands(name)]
        known = [one for one in given if one is not None]
        if node is None or not known or len(known) < len(given):
            return unbounded(value.shape)
        if node.operator in MOVES:
            # What depends on the observation is not in `found`, unless it is on the way itself.
            indices = [None if one in self._moving else found.get(one) for one in node.inputs[1:]]
            return moved(node, node.outputs.index(name), known[0], indices, value.shape)
        if node.operator not in RULES:
            return _seen_within(known[0], value)
        if node.operator == "Div" and (self._normalised(node) or self._is_share(node, intervals)):
            return Interval(np.full(value.shape, -1.0), np.full(value.shape, 1.0))
        return self._applied(node, known, value.shape)

    def _applied(self, node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
        try:
            result = RULES[node.operator](node, given, shape)
        except (ValueError, IndexError):  # Shapes that a file declares one way and has another.
            return unbounded(shape)
        low, high = np.broadcast_to(result.low, shape), np.broadcast_to(result.high, shape)
        # Infinity less infinity is anything.
        return Interval(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))

    def _normalised(self, node: Node) -> bool:
        """Whether a division is x / (1 + |x|), x / sqrt(1 + x * x) or x / its norm."""
        (value, name), root = node.inputs, False
        for _ in range(8):
            behind = self._made.get(name)
            if behind is None:
                return False
            root |= behind.operator == "Sqrt"
            if behind.operator in ("Abs", "ReduceL2"):
                return behind.inputs[0] == value
            if behind.operator == "Pow" or (behind.operator, behind.inputs) == ("Mul", (value, value)):
                return root and behind.inputs[0] == value
            if behind.operator not in ("Add", "Clip", "Max", "Expand", "Identity", "Sqrt"):
                return False
            name = next((one for one in behind.inputs if one in self._moving), "")
        return False

    def _is_share(self, node: Node, intervals: Mapping[str, Interval]) -> bool:
        """Whether a division is (u - v) / (u + v) of numbers that are not below zero, as in tanh by hand."""
        above, below = (self._made.get(name) for name in node.inputs)
        if above is None or below is None or (above.operator, below.operator) != ("Sub", "Add"):
            return False
        parts = [intervals.get(name) for name in above.inputs]
        positive = all(part is not None and bool((part.low >= 0).all()) for part in parts)
        return positive and set(above.inputs) == set(below.inputs)


def _in_order(graph: Graph, names: list[str]) -> list[str]:
    place = {name: number for number, node in enumerate(graph.nodes) for name in node.outputs}
    return sorted(names, key=lambda name: place.get(name, -1))


def _seen_within(given: Interval, value: NDArray[np.generic]) -> Interval:
    """The interval that goes in where no value of the trial run is outside, else anything."""
    hull = given.filled(value.shape)
    if value.dtype.kind not in "biuf" or not np.isfinite(hull.low).all() or not np.isfinite(hull.high).all():
        return unbounded(value.shape)
    numbers = value.astype(np.float64)
    inside = (numbers >= hull.low) & (numbers <= hull.high)
    return hull if inside.all() else unbounded(value.shape)
