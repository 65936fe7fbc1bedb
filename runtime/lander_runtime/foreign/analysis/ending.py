"""How a graph ends: the interval that its last operators keep an output within.

    ... -> Gemm -> Tanh -> Mul(2)            -2 to 2: scaled to an environment's bounds
    ... -> Gemm -> Tanh -> Reshape           -1 to 1: squashed, and scaled by the library afterwards, or not
    ... -> Tanh -> Gemm                      unbounded: a plain linear layer, of which nothing can be seen

From the operators that bound a value to the output, element by element, with the shapes and constants of one
trial run. Of an operator without a rule the trial run decides: where all values stay within the interval that
goes in, that is taken for it. What adds up products is unbounded, unless it only scales (affine.py).
"""

from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.foreign.analysis.affine import averaged, mapped, moving_operand, shares_in_a_row
from lander_runtime.foreign.analysis.intervals import (
    MIXING,
    OF_ALL,
    RULES,
    Interval,
    Rule,
    unbounded,
    within_one,
)
from lander_runtime.foreign.analysis.moves import MOVES, moved, places
from lander_runtime.foreign.analysis.patterns import (
    CELLS,
    clip_of,
    is_normalised,
    is_share,
    is_squashed_cell,
)
from lander_runtime.foreign.analysis.pruning import producers, true_inputs, values_that_follow
from lander_runtime.graphs.model import Graph, Node


class Trial(Protocol):
    """Runs of the graph on trial observations; see `Probe`."""

    def run(self, names: Collection[str]) -> Mapping[str, NDArray[np.generic]]:
        """Values by their names."""
        ...

    def slopes(self, source: str, output: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Of an affine map, `[m, n]`, with its value at zero, `[rows, m]`; None where it has no rows."""
        ...


_MOST = 300
"""Values on the way back from an output; more are left out as unbounded."""

_MOST_MAPS = 3
"""Affine maps behind one another, with other operators between them. More are hidden layers."""


def interval_of(graph: Graph, output: str, trial: Trial) -> Interval:
    """The interval of `output`, in the shape that it has in the trial run.

    Args:
        graph: nodes in the order in which they run.
        output: the name of a value.
        trial: gives values of trial runs.
    """
    return _Ending(graph, trial).interval(output)


class _Ending:
    def __init__(self, graph: Graph, trial: Trial) -> None:
        self._graph = graph
        self._trial = trial
        self._sources: dict[str, str] = {}
        """Of the results of affine maps: the value that the map takes."""
        self._moving = values_that_follow(graph, {value.name for value in true_inputs(graph)})
        self._made = producers(graph)

    def interval(self, output: str) -> Interval:
        way = self._way_back(output)
        places = {name: None for one in way for name in self._indices(one) if name not in self._moving}
        found = self._trial.run([*way, *(name for name in places if name not in way)])
        intervals: dict[str, Interval] = {}
        with np.errstate(all="ignore"):
            # What comes last on the way back comes first in the graph.
            for name in _in_order(self._graph, way):
                intervals[name] = self._of(name, intervals, found)
        return intervals[output]

    def _way_back(self, output: str) -> list[str]:
        """The values that decide on the interval of `output`, itself the first."""
        way, waiting = {output: 0}, [output]
        while waiting and len(way) < _MOST:
            name = waiting.pop()
            source = self._source(name) if way[name] < _MOST_MAPS else None
            if source is not None:
                self._sources[name] = source
            for given in self._operands(name):
                if given not in way:
                    way[given] = way[name] + (source is not None)
                    waiting.append(given)
        return list(way)

    def _source(self, name: str) -> str | None:
        """Where `name` is the result of an affine map that mixes: the value that the map takes."""
        source, mixes, node = name, False, self._made.get(name)
        while node is not None and (operand := moving_operand(node, self._moving)) is not None:
            mixes |= node.operator in MIXING
            source, node = operand, self._made.get(operand)
        return source if mixes else None

    def _operands(self, name: str) -> list[str]:
        """The inputs whose values, and not only shapes, the value `name` holds."""
        node = self._made.get(name)
        if name in self._sources:
            return [self._sources[name]]
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
        if node is not None and node.operator in CELLS and is_squashed_cell(node, name):
            return within_one(value.shape)
        given = [intervals.get(one) for one in self._operands(name)]
        known = [one for one in given if one is not None]
        if node is None or not known or len(known) < len(given):
            return unbounded(value.shape)
        if name in self._sources:
            return self._mapped(name, known[0], value.shape)
        if node.operator in ("ArgMax", "ArgMin"):
            return places(node, known[0].low.shape, value.shape)
        if node.operator in MOVES:
            # What depends on the observation is not in `found`, unless it is on the way itself.
            indices = [None if one in self._moving else found.get(one) for one in node.inputs[1:]]
            return moved(node, node.outputs.index(name), known[0], indices, value.shape)
        if node.operator not in RULES:
            return _seen_within(known[0], value)
        if node.operator == "Div" and self._is_squashing(node, intervals):
            return within_one(value.shape)
        clip = clip_of(node, self._made, intervals) if node.operator == "Where" else None
        if clip is not None:
            return self._applied(RULES[clip], node, known[1:], value.shape)
        return self._applied(RULES[node.operator], node, known, value.shape)

    def _is_squashing(self, division: Node, intervals: Mapping[str, Interval]) -> bool:
        return is_normalised(division, self._made, self._moving) or is_share(division, self._made, intervals)

    def _mapped(self, name: str, given: Interval, shape: tuple[int, ...]) -> Interval:
        bounded = np.isfinite(given.low) & np.isfinite(given.high)
        found = self._trial.slopes(self._sources[name], name) if bounded.any() else None
        if found is None:
            return unbounded(shape)
        slopes, offset = found
        shares = shares_in_a_row(self._made.get(self._sources[name]), given.low.shape)
        if shares is not None:
            return averaged(slopes, offset, shares).reshaped(shape)
        return mapped(given.reshaped((len(offset), slopes.shape[1])), slopes, offset).reshaped(shape)

    def _applied(self, rule: Rule, node: Node, given: list[Interval], shape: tuple[int, ...]) -> Interval:
        try:
            result = rule(node, given, shape)
        except (ValueError, IndexError):  # Shapes that a file declares one way and has another.
            return unbounded(shape)
        low, high = np.broadcast_to(result.low, shape), np.broadcast_to(result.high, shape)
        # Infinity less infinity is anything.
        return Interval(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))


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
