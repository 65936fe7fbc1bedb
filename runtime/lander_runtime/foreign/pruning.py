"""Takes out of a stranger's graph what leads to no number.

Texts, sequences and maps among the outputs are never an action, and no policy may hold them. Files that give
them beside their action are still of use.
"""

from dataclasses import replace

from lander_runtime.graphs.model import TEXTS, Graph, Model, Node, OtherType, Value


def without_other_outputs(model: Model) -> Model:
    """The model without the outputs that hold no numbers, and without the nodes that only these need."""
    graph = model.graph
    outputs = tuple(value for value in graph.outputs if not _holds_no_numbers(value))
    gone = {value.name for value in graph.outputs} - {value.name for value in outputs}
    if not gone:
        return model
    nodes = _needed_nodes(graph, gone, {value.name for value in outputs})
    made = {name for node in nodes for name in node.outputs}
    removed = {name for node in graph.nodes for name in node.outputs} - made
    values = tuple(value for value in graph.values if value.name not in removed)
    return replace(model, graph=replace(graph, nodes=nodes, outputs=outputs, values=values))


def _needed_nodes(graph: Graph, gone: set[str], kept: set[str]) -> tuple[Node, ...]:
    """All nodes but those from which paths lead to `gone` and nowhere else.

    Nodes run in their order, so one walk from the last to the first meets each after all that it feeds.
    """
    needed, nodes = set(kept), []
    for node in reversed(graph.nodes):
        if gone.intersection(node.outputs) and not needed.intersection(node.outputs):
            gone.update(node.inputs)
        else:
            needed.update(node.inputs)
            nodes.append(node)
    return tuple(reversed(nodes))


def _holds_no_numbers(value: Value) -> bool:
    return isinstance(value.type, OtherType) or (value.type is not None and value.type.element == TEXTS)
