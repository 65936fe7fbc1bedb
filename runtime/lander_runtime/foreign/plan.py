"""What a graph's inputs and outputs are for, found before anything runs: what is judged is what is needed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.foreign.analysis.memory import State, has_state_word, is_start, pair_states
from lander_runtime.foreign.analysis.pruning import (
    holds_numbers,
    inputs_needed,
    producers,
    refusals,
    true_inputs,
    values_that_follow,
    without_other_outputs,
)
from lander_runtime.foreign.signature import (
    Input,
    Tensor,
    choose_input,
    fitting_inputs,
    listed,
    may_be_action,
    no_input,
)
from lander_runtime.graphs.model import Graph, Model, TensorType, Value
from lander_runtime.graphs.structure import check_structure
from lander_runtime.spec import Space
from lander_runtime.text import quoted

_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
"""NumPy's names by TensorProto.DataType."""

_PLACES = frozenset({"ArgMax", "ArgMin", "TopK"})

_MOST_INPUTS = 64
"""A policy has some dozen, with all its states."""


@dataclass(frozen=True)
class Plan:
    """How a graph might be used."""

    model: Model
    """With the outputs that may be the action, and what they need."""
    entry: Input
    """For the observation."""
    outputs: tuple[Tensor, ...]
    """Those that may be the action, as declared."""
    others: tuple[Tensor, ...]
    """Those that may not."""
    declared: tuple[str, ...]
    """The names of both, in the file's order."""
    states: tuple[State, ...]
    starts: tuple[Tensor, ...]
    unused: tuple[str, ...]
    """Inputs that no action needs."""
    following: tuple[str, ...]
    """All outputs that change with the observation."""

    def quantises(self, outputs: Collection[str]) -> bool:
        """Whether something in the graph takes a scale over the whole batch."""
        graph = without_other_outputs(self.model, outputs).graph
        return any(node.operator == "DynamicQuantizeLinear" for node in graph.nodes)

    def places_behind(self, output: str) -> list[tuple[str, str]]:
        """All numbers of whose largest or smallest the place is needed for `output`, each with that place."""
        nodes = without_other_outputs(self.model, {output}).graph.nodes
        return [(node.inputs[0], node.outputs[-1]) for node in nodes if node.operator in _PLACES]


def plan_for(
    model: Model, name: str, spaces: tuple[Space, Space], named: str | None, *, stateless: bool = False
) -> Plan:
    """Find the observation's input, the states, and the outputs that may be the action.

    Args:
        model: what `read_model` gave.
        name: what to call its file in errors.
        spaces: the environment's observations and actions.
        named: the output that the user chose; None where it is to be found.
        stateless: take inputs of states too that no output gives back.

    Raises:
        InputRefused: no input fits, no output can be the action, or `named` cannot be.
        UsageError: there is no output called `named`.
    """
    graph, (observation, action) = model.graph, spaces
    made = {output: node.operator for output, node in producers(graph).items()}
    inputs = [_tensor(value, "") for value in true_inputs(graph)]
    values = [value for value in graph.outputs if holds_numbers(value)]
    tensors = [_tensor(value, made.get(value.name, "")) for value in values]
    if len(inputs) > _MOST_INPUTS:
        raise no_input(inputs, observation)
    states = pair_states(inputs, tensors)
    starts = tuple(one for one in inputs if is_start(one))
    entry = _entry(_towards(action, graph, inputs, tensors, states, starts, observation), inputs, observation)
    # A model of the environment gives a next state too, and its state is the observation.
    world = {state.output for state in states if state.input == entry.name}
    states = tuple(state for state in states if state.input != entry.name)
    if stateless:
        states = (*states, *_lone_states(inputs, states, starts, entry))
    reasons = _reasons(graph, name, tensors, entry, states, starts)
    if named is not None:
        _check_named(named, tensors, reasons)
    candidates = tuple(tensor for tensor in tensors if tensor.name not in reasons)
    if not candidates:
        raise _no_action(reasons, inputs, tensors, observation)
    kept = {tensor.name for tensor in candidates}
    needed = inputs_needed(graph)
    given = frozenset[str]().union(*(needed.get(one, frozenset()) for one in kept))
    smaller = len(given) < len(inputs) or not _is_sound(model, name)
    pruned_model = pruned(model, kept, states) if smaller else model
    left = {value.name for value in true_inputs(pruned_model.graph)}
    follows = values_that_follow(graph, [entry.name])
    return Plan(
        model=pruned_model,
        entry=entry,
        outputs=candidates,
        others=tuple(tensor for tensor in tensors if tensor.name in reasons),
        declared=tuple(tensor.name for tensor in tensors),
        states=tuple(state for state in states if state.input in left),
        starts=tuple(one for one in starts if one.name in left),
        unused=tuple(one.name for one in inputs if one.name not in left),
        following=tuple(
            value.name for value in graph.outputs if value.name in follows and value.name not in world
        ),
    )


def _check_named(named: str, tensors: Sequence[Tensor], reasons: Mapping[str, InputRefused]) -> None:
    """Refuse the output that the user chose where there is none, or where it cannot be the action."""
    if named not in {tensor.name for tensor in tensors}:
        raise UsageError(f"There is no output {quoted(named)}; the file gives {listed(tensors)}.")
    if named in reasons:
        raise reasons[named]


def pruned(model: Model, outputs: Collection[str], states: Sequence[State]) -> Model:
    """The model with these outputs, the states that they need, and no more."""
    kept = set(outputs)
    while True:
        smaller = without_other_outputs(model, kept)
        given = {value.name for value in smaller.graph.inputs}
        more = {state.output for state in states if state.input in given and state.output} - kept
        if not more:
            return smaller
        kept |= more


def _tensor(value: Value, operator: str) -> Tensor:
    if not isinstance(value.type, TensorType):
        return Tensor(value.name, "unknown" if value.type is None else value.type.kind, (), operator)
    sizes = value.type.shape or ()
    shape = tuple(size if isinstance(size, int) else None for size in sizes)
    kind = _DTYPES.get(value.type.element, f"type {value.type.element}")
    return Tensor(value.name, kind, shape, operator)


def _entry(likely: Sequence[Tensor], inputs: Sequence[Tensor], observation: Space) -> Input:
    """The observation's input, of the likely ones where there are some."""
    return choose_input(likely or inputs, observation, found=inputs)


def _towards(
    action: Space,
    graph: Graph,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    states: Sequence[State],
    starts: Sequence[Tensor],
    observation: Space,
) -> list[Tensor]:
    """The inputs that no name takes for a state; where several fit, those that an action may do with."""
    paired = {state.input for state in states} | {one.name for one in starts}
    free = [one for one in inputs if one.name not in paired]
    fitting = fitting_inputs(free, observation)
    if len(fitting) < 2:
        return free
    needed = inputs_needed(graph)
    needs = [needed.get(one.name, frozenset()) - paired for one in outputs if may_be_action(one, action)]
    alone = [one for one in fitting if frozenset([one.name]) in needs]
    return alone or free


def _lone_states(
    inputs: Sequence[Tensor], states: Sequence[State], starts: Sequence[Tensor], entry: Input
) -> list[State]:
    """Inputs that are states by their names, and that no output gives back."""
    taken = {entry.name, *(state.input for state in states), *(one.name for one in starts)}
    return [
        State(one.name, "", one.dtype, one.shape)
        for one in inputs
        if one.name not in taken and one.dtype.startswith("float") and has_state_word(one.name)
    ]


def _reasons(
    graph: Graph,
    name: str,
    outputs: Sequence[Tensor],
    entry: Input,
    states: Sequence[State],
    starts: Sequence[Tensor],
) -> dict[str, InputRefused]:
    """For each output that cannot be the action: why."""
    refused, needed = refusals(graph, name), inputs_needed(graph)
    follows = values_that_follow(graph, [entry.name])
    usable = {entry.name, *(state.input for state in states), *(one.name for one in starts)}
    given_back = {state.output for state in states}
    reasons: dict[str, InputRefused] = {}
    for tensor in outputs:
        more = needed.get(tensor.name, frozenset()) - usable
        if tensor.name in refused:
            reasons[tensor.name] = refused[tensor.name]
        elif more:
            reasons[tensor.name] = _NeedsMore(
                f"{quoted(tensor.name)} needs {quoted(min(more))} too, which is neither the observation nor "
                "a state that an output gives back."
            )
        elif tensor.name not in follows:
            reasons[tensor.name] = InputRefused(
                f"{quoted(tensor.name)} is the same for every observation, so it is not the action."
            )
        elif tensor.name in given_back:
            reasons[tensor.name] = InputRefused(
                f"{quoted(tensor.name)} is the state of the policy, not its action."
            )
    return reasons


class _NeedsMore(InputRefused):
    """An output needs an input that is not known."""


def _no_action(
    reasons: dict[str, InputRefused], inputs: Sequence[Tensor], outputs: Sequence[Tensor], observation: Space
) -> InputRefused:
    """Why no output can be the action: what may not be in a file before what is missing in it."""
    if not outputs:
        return InputRefused("expected an output for the action, found nothing that holds numbers.")
    for reason in reasons.values():
        if isinstance(reason, _NeedsMore):
            return InputRefused(f"{no_input(inputs, observation)} {reason}")
    return next(iter(reasons.values()))


def _is_sound(model: Model, name: str) -> bool:
    try:
        check_structure(model, name)
    except InputRefused:
        return False
    return True
