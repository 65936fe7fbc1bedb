"""Policies that remember: their state, in and out of the graph, and those that would have one and lost it.

Pure functions of names and graphs, but for `forgets`, which needs the values of a trial run.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lander_runtime.foreign.analysis.pruning import producers, true_inputs, values_that_follow
from lander_runtime.foreign.signature import Tensor
from lander_runtime.graphs.model import Graph, Node

_DIRECTIONS = {
    "in", "ins", "input", "inputs", "out", "outs", "output", "outputs", "next", "new", "prev",
    "previous", "old", "last", "init", "initial", "n", "updated",
}  # fmt: skip
_GIVEN_BACK = {"out", "outs", "output", "outputs", "next", "new", "n", "updated"}
_STATE = {"h", "c", "state", "lstm", "gru", "rnn", "recurrent", "memory", "carry", "core", "belief"}
_NEVER = {
    "ob", "obs", "observation", "x", "action", "act", "value", "logit", "reward", "mask", "mean", "std",
    "scale", "feature", "prob", "q", "mu", "loc",
}  # fmt: skip
_SAME = {
    "hn": "h", "hx": "h", "hidden": "h", "hiddens": "h", "cn": "c", "cx": "c", "cell": "c", "cells": "c",
    "mem": "memory", "memories": "memory",
}  # fmt: skip
_NOT = {"not", "non", "no", "un"}
_STARTS = {"starts", "start", "first", "done", "dones", "reset", "resets", "terminated"}

Values = Callable[[Collection[str]], Mapping[str, NDArray[np.generic]]]
"""Values of a trial run by their names."""

_CELLS = {"LSTM": 2, "GRU": 1, "RNN": 1}
"""Operators with a memory, and how many states each has."""
_PASSING = frozenset(
    {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "Expand"}
)


@dataclass(frozen=True)
class State:
    """An input that takes, at the next step of an episode, what an output gave; zero at its start."""

    input: str
    output: str
    dtype: str
    shape: tuple[int | None, ...]
    """None for a size that the file leaves open."""

    def filled(self, batch: int) -> "State":
        """It for a batch of this size: that is what the file leaves open."""
        return replace(self, shape=self.sizes(batch))

    def sizes(self, batch: int) -> tuple[int, ...]:
        """Its shape in a batch of this size."""
        return tuple(batch if size is None else size for size in self.shape)


def pair_states(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[State, ...]:
    """The states among inputs and outputs: of one shape, and of names that differ in direction only.

    `h_in` and `h_out`, `h0` and `hn`, `state_in_0` and `state_out_0`, `states` and `lstm_states`.
    """
    left, free = list(inputs), list(outputs)
    pairs: list[State] = []
    # First names with their numbers, then without them, at last what is left on each side.
    for same in (_same_with_numbers, _same_without_numbers, _same_part, _both_states):
        for given in list(left):
            found = [one for one in free if _alike(given, one) and same(given, one)]
            rivals = [one for one in left if found and _alike(one, found[0]) and same(one, found[0])]
            if len(found) == 1 and len(rivals) == 1 and not _counted_apart(given, inputs, outputs):
                pairs.append(State(given.name, found[0].name, given.dtype, given.shape))
                left.remove(given)
                free.remove(found[0])
    return tuple(state for one in inputs for state in pairs if state.input == one.name)


def is_start(tensor: Tensor) -> bool:
    """Whether an input says, by its name, that an episode has just begun."""
    words = set(_tokens(tensor.name))
    if words & _NOT:
        return False  # `not_done` is 0 where `done` is 1.
    rows = [size for size in tensor.shape if size != 1]
    one_a_row = len(rows) <= 1 or rows == [None, None]
    return bool(words & _STARTS) and len(tensor.shape) <= 2 and one_a_row


def is_state(name: str) -> bool:
    """Whether a name is that of a state, and of nothing else."""
    key = _key(name)
    return bool(key) and key <= _STATE | {word for word in key if word.isdigit()} and not key <= {"core"}


def has_state_word(name: str) -> bool:
    """Whether a name tells of a state, whatever else it tells."""
    return bool(_key(name) & _STATE)


def states_without_input(outputs: Sequence[str], states: Sequence[State]) -> list[str]:
    """Outputs that are, by their names, the next state, though no input takes it."""
    paired = {state.output for state in states}
    return [
        name
        for name in outputs
        if name not in paired
        and is_state(name)
        and (set(_tokens(name)) & _GIVEN_BACK or re.fullmatch(r"(?i).*(hn|cn|hx|cx)", name))
    ]


def forgets(graph: Graph, states: Sequence[State], values: Values) -> str | None:
    """What in the graph would remember, and starts from zero at every step; None where nothing does.

    Args:
        graph: pruned to what the action needs.
        states: those that are carried.
        values: gives values of a trial run by name.
    """
    carried = values_that_follow(graph, {state.input for state in states})
    for node in graph.nodes:
        if node.operator not in _CELLS:
            continue
        given = node.inputs[5 : 7 if node.operator == "LSTM" else 6]
        if len(carried.intersection(given)) < _CELLS[node.operator]:
            time = values([node.inputs[0]])[node.inputs[0]].shape[_time_axis(node)]
            # With several steps it reads the past out of one observation, such as stacked frames.
            if time == 1:
                part = "no state" if not carried.intersection(given) else "only a part of its state"
                return f"its {node.operator} is given {part}"
    return _zero_state(graph, values)


def _zero_state(graph: Graph, values: Values) -> str | None:
    """A cell that is written out in plain operators, with zeros where its state should be."""
    moving = values_that_follow(graph, {value.name for value in true_inputs(graph)})
    made = producers(graph)
    suspects = {
        constant: what
        for node in graph.nodes
        for constant, what in _suspects(node, moving, made)
        if constant not in moving
    }
    if not suspects:
        return None
    found = values(list(suspects))
    for name, what in suspects.items():
        if found[name].size and not np.any(found[name]):
            return what
    return None


def _suspects(node: Node, moving: set[str], made: Mapping[str, Node]) -> list[tuple[str, str]]:
    """Constants that would be a forgotten state if they were zero, and what to say of them."""
    if node.operator in ("MatMul", "Gemm") and len(node.inputs) >= 2 and node.inputs[0] not in moving:
        return [(node.inputs[0], "the state of a cell in it is always zero")]
    if node.operator == "Mul" and len(node.inputs) == 2:
        for gate, state in (node.inputs, node.inputs[::-1]):
            if _operator_behind(gate, made) == "Sigmoid" and state not in moving:
                return [(state, "a gate in it opens on a state that is always zero")]
    return []


def _operator_behind(name: str, made: Mapping[str, Node]) -> str | None:
    for _ in range(20):
        node = made.get(name)
        if node is None:
            return None
        if node.operator not in _PASSING:
            return node.operator
        name = node.inputs[0]
    return None


def _time_axis(node: Node) -> int:
    layout = next((item.value for item in node.attributes if item.name == "layout"), 0)
    return 1 if layout == 1 else 0


def zeros(states: Sequence[State]) -> dict[str, NDArray[np.generic]]:
    """The states at the start of an episode, by their inputs' names; of a batch of 1 unless filled."""
    return {state.input: np.zeros(state.sizes(1), state.dtype) for state in states}


def _tokens(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)]


def _key(name: str) -> frozenset[str]:
    """The words of a name without its direction."""
    words = {_SAME.get(word, word) for word in _tokens(name) if word not in _DIRECTIONS}
    return frozenset(word.removesuffix("s") if len(word) > 2 else word for word in words)


def _letters(key: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in key if not word.isdigit())


def _alike(given: Tensor, back: Tensor) -> bool:
    """Whether an output can be put back into an input, by what is declared."""
    if given.dtype != back.dtype or not given.dtype.startswith("float") or not given.shape:
        return False
    if any(_letters(_key(tensor.name)) & _NEVER for tensor in (given, back)):
        return False
    if not back.shape:
        return True  # Nothing is declared; the trial run decides.
    sizes = zip(given.shape, back.shape, strict=False)
    return len(given.shape) == len(back.shape) and all(a == b or None in (a, b) for a, b in sizes)


def _same_with_numbers(given: Tensor, back: Tensor) -> bool:
    return _key(given.name) == _key(back.name) and _tells(given, back)


def _same_without_numbers(given: Tensor, back: Tensor) -> bool:
    return _letters(_key(given.name)) == _letters(_key(back.name)) and _tells(given, back)


def _counted_apart(given: Tensor, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bool:
    """Whether several states have the name of `given` but for a number, and outputs have other numbers.

    Where `h_0` and `h_1` go in and `h_1` and `h_2` come out, a number may be of a layer or of a step.
    """
    letters = _letters(_key(given.name))
    there, back = (
        {_key(one.name) for one in tensors if _letters(_key(one.name)) == letters}
        for tensors in (inputs, outputs)
    )
    return len(there) > 1 and len(back) > 1 and not there <= back


def _tells(given: Tensor, back: Tensor) -> bool:
    letters = _letters(_key(given.name))
    directed = all(set(_tokens(tensor.name)) & _DIRECTIONS for tensor in (given, back))
    return bool(letters) and (directed or bool(letters & _STATE))


def _same_part(given: Tensor, back: Tensor) -> bool:
    """The h or the c of an LSTM."""
    parts = [_key(tensor.name) & {"h", "c"} for tensor in (given, back)]
    return len(parts[0]) == 1 and parts[0] == parts[1]


def _both_states(given: Tensor, back: Tensor) -> bool:
    return has_state_word(given.name) and has_state_word(back.name)
