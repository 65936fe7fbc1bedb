"""Values from inside a graph, for one batch of trial observations."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from lander_runtime.episodes.fleet import LANES
from lander_runtime.foreign.analysis.pruning import without_other_outputs
from lander_runtime.foreign.feeding import Feeding
from lander_runtime.foreign.trials import trial_observations
from lander_runtime.graphs.bounds.bounding import USUAL, Limits, batches
from lander_runtime.graphs.model import Model, Node, Value
from lander_runtime.policy.session import open_session
from lander_runtime.spec import Space


class Probe:
    """Runs a graph on the CPU and looks at any of its values, also those that are no outputs."""

    def __init__(self, model: Model, feeding: Feeding, observation: Space, limits: Limits = USUAL) -> None:
        self._model = model
        self._limits = limits
        self._feeding = feeding
        self._observation = observation
        self._opened: dict[tuple[str, ...], Any] = {}

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
