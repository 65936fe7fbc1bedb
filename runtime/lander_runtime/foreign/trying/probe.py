"""Values from inside a graph, for one batch of trial observations."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.fleet import LANES
from lander_runtime.errors import InputRefused
from lander_runtime.foreign.analysis.affine import MOST_NUMBERS
from lander_runtime.foreign.analysis.pruning import without_other_outputs
from lander_runtime.foreign.feeding import Feeding
from lander_runtime.foreign.trying.trials import trial_observations
from lander_runtime.graphs.bounds.bounding import USUAL, Limits, batches
from lander_runtime.graphs.model import Model, Node, TensorType, Value
from lander_runtime.policy.session import OpenSession, open_session
from lander_runtime.spec import Space


class Probe:
    """Runs a graph on the CPU and looks at any of its values, also those that are no outputs."""

    def __init__(self, model: Model, feeding: Feeding, observation: Space, limits: Limits = USUAL) -> None:
        self._model = model
        self._limits = limits
        self._feeding = feeding
        self._observation = observation
        self._opened: dict[tuple[str, ...], Any] = {}

    def slopes(self, source: str, output: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Those of `output`, which is an affine function of the value `source`, row by row.

        Returns:
            The slopes `[m, n]`, and `output` `[rows, m]` where all of `source` is zero; None where they have
            no rows, or too many numbers in one.
        """
        found = self.run([source, output])
        before, after = found[source], found[output]
        rows = self._feeding.batch or LANES
        if before.dtype.kind != "f" or (rows > 1 and not before.shape[:1] == after.shape[:1] == (rows,)):
            return None
        size = before.size // rows
        if not 0 < size <= MOST_NUMBERS:
            return None
        try:
            opened, feed = self._from(source, output, before)
        except InputRefused:  # ONNX Runtime knows the types of a whole graph only.
            return None
        nothing = np.zeros((rows, size), before.dtype)

        def responses(values: NDArray[Any]) -> NDArray[np.float64]:
            [result] = opened.run([output], {**feed, source: values.reshape(before.shape)})
            return result.astype(np.float64).reshape(rows, -1)

        offset = responses(nothing)
        slopes = np.empty((offset.shape[1], size))
        for start in range(0, size, rows):
            # Another number in each row, since rows keep to themselves.
            count = min(rows, size - start)
            one = nothing.copy()
            one[np.arange(count), start + np.arange(count)] = 1
            slopes[:, start : start + count] = (responses(one) - offset)[:count].T
        return slopes, offset

    def _from(
        self, source: str, output: str, like: NDArray[Any]
    ) -> tuple[OpenSession, dict[str, NDArray[Any]]]:
        """The graph from `source`, as an input, to `output`; and what its other inputs are given."""
        model = _with_input(self._model, source, output, like)
        given = {value.name for value in model.graph.inputs}
        obs = trial_observations(self._feeding.batch or LANES, self._observation)
        feed = {name: value for name, value in self._feeding.first(obs).items() if name in given}
        shapes = {name: value.shape for name, value in feed.items()} | {source: like.shape}
        return open_session(model, "the graph", "cpu", shapes=[shapes], limits=self._limits), feed

    def run(self, names: Collection[str], obs: NDArray[Any] | None = None) -> Mapping[str, NDArray[Any]]:
        """The values of these names; raises `InputRefused` where ONNX Runtime cannot give one."""
        if not names:
            return {}
        if obs is None:
            obs = trial_observations(self._feeding.batch or LANES, self._observation)
        wanted = tuple(names)
        if wanted not in self._opened:
            model = _with_outputs(self._model, wanted)
            rows = batches(model.graph) if self._feeding.batch is None else [self._feeding.batch]
            shapes = [self._feeding.shapes(self._observation.shape, size) for size in rows]
            opened = open_session(model, "the graph", "cpu", shapes=shapes, limits=self._limits)
            self._opened[wanted] = opened, model
        opened, model = self._opened[wanted]
        given = {value.name for value in model.graph.inputs}
        feed = {name: value for name, value in self._feeding.first(obs).items() if name in given}
        places = [_PREFIX + str(place) for place in range(len(wanted))]
        return dict(zip(wanted, opened.run(places, feed), strict=True))


_PREFIX = "lander probe "
"""Of the names of outputs that are made here."""


def _with_outputs(model: Model, names: tuple[str, ...]) -> Model:
    """The model that gives these values, be they inputs, weights or in between; types are found by ORT."""
    copies = tuple(Node("Identity", (name,), (_PREFIX + str(place),)) for place, name in enumerate(names))
    outputs = tuple(Value(node.outputs[0], None) for node in copies)
    graph = replace(model.graph, nodes=(*model.graph.nodes, *copies), outputs=outputs)
    return without_other_outputs(replace(model, graph=graph), {value.name for value in outputs})


_ELEMENTS = {"float32": 1, "float16": 10, "float64": 11}
"""TensorProto.DataType by NumPy's names."""


def _with_input(model: Model, source: str, output: str, like: NDArray[Any]) -> Model:
    """The model from the value `source` on, which becomes an input of the type and shape of `like`."""
    graph = model.graph
    nodes = tuple(
        replace(node, outputs=tuple(f"{_PREFIX}cut" if name == source else name for name in node.outputs))
        for node in graph.nodes
    )
    entry = Value(source, TensorType(_ELEMENTS[like.dtype.name], like.shape))
    inputs = (*(value for value in graph.inputs if value.name != source), entry)
    values = tuple(value for value in graph.values if value.name != source)
    cut = replace(graph, nodes=nodes, inputs=inputs, outputs=(Value(output, None),), values=values)
    return without_other_outputs(replace(model, graph=cut), {output})
