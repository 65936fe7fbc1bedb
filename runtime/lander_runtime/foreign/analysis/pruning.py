"""What leads where in a stranger's graph, and the part of it that chosen outputs need.

Only what the action needs is judged: an exporter may write an operator that no policy may use beside it.
Pure functions of graphs; nodes stand in the order in which they run.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.model import TEXTS, Graph, Model, Node, OtherType, Value
from lander_runtime.graphs.structure import check_node

_SHAPES = frozenset({"Shape", "Size"})
"""What they give says nothing of the values that go in."""

_VALUES_OF_FIRST = frozenset({"Expand", "Reshape", "CastLike", "Tile", "Squeeze", "Unsqueeze"})
"""Operators whose other inputs give a shape or a type."""


def without_other_outputs(model: Model, outputs: Collection[str]) -> Model:
    """The model with these outputs only, and with the nodes, inputs and tensors that they need."""
    graph = model.graph
    needed, nodes = set(outputs), list[Node]()
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            # A name of no letters stands for what is left out.
            needed.update(name for name in node.inputs if name)
            nodes.append(node)
    made = {name for node in nodes for name in node.outputs}
    return replace(
        model,
        graph=replace(
            graph,
            nodes=tuple(reversed(nodes)),
            initializers=tuple(tensor for tensor in graph.initializers if tensor.name in needed),
            inputs=tuple(value for value in graph.inputs if value.name in needed),
            outputs=tuple(value for value in graph.outputs if value.name in outputs),
            values=tuple(value for value in graph.values if value.name in made),
        ),
    )


def with_outputs(model: Model, names: Collection[str]) -> Model:
    """The model that gives these values, whichever they are. ONNX Runtime finds their types."""
    outputs = tuple(Value(name, None) for name in names)
    return without_other_outputs(replace(model, graph=replace(model.graph, outputs=outputs)), set(names))


def true_inputs(graph: Graph) -> tuple[Value, ...]:
    """The inputs that a caller has to give. In old files initialisers stand among the inputs too."""
    given = {tensor.name for tensor in graph.initializers}
    return tuple(value for value in graph.inputs if value.name not in given)


def holds_numbers(value: Value) -> bool:
    """False for texts, sequences and maps, which are never an action."""
    return not isinstance(value.type, OtherType) and (value.type is None or value.type.element != TEXTS)


def refusals(graph: Graph, name: str) -> dict[str, InputRefused]:
    """For each value that needs what no policy may hold: why; `name` is what to call the file."""
    found: dict[str, InputRefused] = {}
    for node in graph.nodes:
        reason = next((found[given] for given in node.inputs if given in found), None)
        if reason is None:
            try:
                check_node(node, name)
            except InputRefused as error:
                reason = error
        if reason is not None:
            found.update((name, reason) for name in node.outputs if name)
    return found


def inputs_needed(graph: Graph) -> dict[str, frozenset[str]]:
    """For each value: the inputs of the graph that are needed to compute it, for their shape alone too."""
    found = {value.name: frozenset([value.name]) for value in true_inputs(graph)}
    for node in graph.nodes:
        needed = frozenset[str]().union(*(found.get(name, frozenset()) for name in node.inputs))
        found.update((name, needed) for name in node.outputs if name)
    return found


def values_that_follow(graph: Graph, sources: Collection[str]) -> set[str]:
    """All values that change with what is in `sources`. A value that takes only their shape does not."""
    found = set(sources)
    for node in graph.nodes:
        if node.operator in _SHAPES:
            continue
        inputs = node.inputs[:1] if node.operator in _VALUES_OF_FIRST else node.inputs
        if found.intersection(inputs):
            found.update(name for name in node.outputs if name)
    return found


def producers(graph: Graph) -> Mapping[str, Node]:
    """The node that makes each value."""
    return {name: node for node in graph.nodes for name in node.outputs if name}
