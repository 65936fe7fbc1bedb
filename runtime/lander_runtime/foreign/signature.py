"""Which input of an unknown graph takes the observation, and which output is the action.

Pure functions of names, types and shapes, so that every rule can be tested without a file.
docs/evaluation.md explains the rules.

    an action that is one of n                      an action of shape [*shape]
    1. integers, one a row                          1. floats [batch, *shape]
    2. floats [batch, n]: the largest is the action    (never what is named value, std, log_prob, entropy,
       (never what is named cost, mask, std)            critic, reward)

MultiDiscrete actions are like the first: integers [batch, k], or floats [batch, n_1 + ... + n_k].

If several outputs fit, the one with a telling name is chosen. If no name or several names tell, the file is
refused, and so it is where a deviation of the action's shape stands beside a mean: the mean may be of before
its tanh.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.foreign.names import (
    ACTION,
    DEVIATION,
    MEAN,
    NO_ACTION,
    NO_SCORES,
    OBSERVATION,
    OF_A_CRITIC,
    OF_AN_ACTOR,
    SCORES,
    words_of,
)
from lander_runtime.spec import Space
from lander_runtime.text import quoted

_FLOATS = ("float32", "float64", "float16")
_INTEGERS = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
_LARGEST_BATCH = 1024


@dataclass(frozen=True)
class Tensor:
    """An input or output, as the graph declares it or as a trial run returned it."""

    name: str
    dtype: str
    """NumPy's name, such as `float32`; ONNX Runtime's name for types that NumPy does not have."""
    shape: tuple[int | None, ...]
    """None for a symbolic size."""
    operator: str = ""
    """Of an output: the last operator behind it; empty where that is not known."""

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        made = f" (by {self.operator})" if self.operator else ""
        return f"{quoted(self.name)} {self.dtype} [{sizes}]{made}"


Layout = Literal["batch", "flat", "single", "sequence", "channels_first", "channels_last"]


@dataclass(frozen=True)
class Input:
    """The input for the observation."""

    name: str
    dtype: str
    layout: "Layout"
    """`batch`: `[batch, *obs_shape]`; `flat`: `[batch, size]`; `single`: `[*obs_shape]`, without a batch;
    `sequence`: `[1, 1, *obs_shape]`, a batch and a time of one step each; `channels_first` and
    `channels_last`: pictures `[batch, ...]` whose colours stand at the other end than in the environment."""
    batch: int | None
    """The fixed batch size, or None if it is symbolic."""
    open: bool = False
    """Whether the file leaves a size of an observation open."""


@dataclass(frozen=True)
class Output:
    """The outputs that give the action."""

    action: str | None
    """The output that is the action itself; None if there are only `scores`."""
    scores: str | None
    """The output with one float for each of n actions: logits, probabilities or values; None without one."""
    likely_scores: tuple[str, ...] = ()
    """Where no name tells which are the scores: all outputs that may be."""


def choose_input(
    inputs: Sequence[Tensor], observation: Space, found: Sequence[Tensor] | None = None
) -> Input:
    """The input that takes `observation`; of several, the one with a telling name.

    Args:
        inputs: those that may.
        observation: the environment's observations.
        found: all inputs of the file, for errors; by default `inputs`.

    Raises:
        InputRefused: none fits, or several do; says what was expected and found.
    """
    fitting = fitting_inputs(inputs, observation)
    if len(fitting) > 1:
        named = [one for one in fitting if words_of(one.name) & OBSERVATION]
        fitting = named if len(named) == 1 else fitting
    if len(fitting) > 1:
        raise no_input(fitting, observation, "several that fit:")
    layout = _layout(fitting[0], observation) if fitting else None
    if layout is None:
        raise no_input(found or inputs, observation)
    [chosen] = fitting
    batch = 1 if layout in ("single", "sequence") else chosen.shape[0]
    if batch is not None and not 1 <= batch <= _LARGEST_BATCH:
        raise InputRefused(f"expected a batch of 1 to {_LARGEST_BATCH}, found {chosen}.")
    is_open = layout == "batch" and None in chosen.shape[1:]
    return Input(chosen.name, chosen.dtype, layout, batch, is_open)


def fitting_inputs(inputs: Sequence[Tensor], observation: Space) -> list[Tensor]:
    """The inputs that have the shape and a type for `observation`."""
    return [one for one in inputs if _layout(one, observation) is not None]


def may_be_action(output: Tensor, action: Space) -> bool:
    """Whether an output can be the action or its scores by its type and what it declares of its shape."""
    if action.type == "Box":
        sizes = math.prod(action.shape)
        return output.dtype in _FLOATS and not _is_no_action(output) and _may_end(output, sizes)
    if output.dtype in _INTEGERS:
        return True
    return output.dtype in _FLOATS and _may_end(output, sum(action.blocks))


def _may_end(output: Tensor, size: int) -> bool:
    """Whether the last axis may have this size; in a row of one number there need not be an axis for it."""
    return not output.shape or output.shape[-1] in (None, size) or (size == 1 and len(output.shape) == 1)


def no_input(inputs: Sequence[Tensor], observation: Space, how_many: str = "") -> InputRefused:
    """The error where none of `inputs` is the observation's, or several may be."""
    wanted = f"one input [1 or batch{''.join(f', {length}' for length in observation.shape)}] of floats" + (
        " or uint8" if observation.dtype == "uint8" else ""
    )
    return InputRefused(f"expected {wanted}, found {f'{how_many} '.lstrip()}{listed(inputs)}.")


def _layout(found: Tensor, observation: Space) -> Layout | None:
    """How observations go into `found`; None where they do not."""
    # Whole numbers go into a graph that takes the same ones.
    if found.dtype not in (*_FLOATS, observation.dtype):
        return None
    sizes, shape = found.shape, observation.shape
    if len(sizes) == len(shape) + 1 and _fits(sizes[1:], shape):
        return "batch"
    if sizes == shape:
        return "single"
    if len(sizes) == 2 and sizes[1] == math.prod(shape):
        return "flat"
    if len(shape) == 3 and len(sizes) == 4:
        if _fits(sizes[1:], (shape[2], *shape[:2])):
            return "channels_first"
        if _fits(sizes[1:], (*shape[1:], shape[0])):
            return "channels_last"
    leading = sizes[: len(sizes) - len(shape)]
    if len(leading) == 2 and _fits(leading, (1, 1)) and sizes[2:] == shape:
        return "sequence"
    return None


def choose_output(
    outputs: Sequence[Tensor], action: Space, named: str | None = None, others: Sequence[Tensor] = ()
) -> Output:
    """The output that is an action of the space `action`, or the scores to choose one by.

    Args:
        outputs: with the shapes of one row, without the batch.
        action: the environment's action space.
        named: use the output with this name.
        others: outputs that cannot be the action, such as constants; their names tell what the file gives.

    Raises:
        InputRefused: none fits or several do; says what was expected and found.
        UsageError: there is no output called `named`.
    """
    if named is not None:
        candidates = [tensor for tensor in outputs if tensor.name == named]
        if not candidates:
            raise UsageError(f"There is no output {quoted(named)}; the file gives {listed(outputs)}.")
    else:
        candidates = list(outputs)
    if action.type == "Discrete":
        found = _choose_discrete(candidates, action.n or 0, ((), (1,)), by_name=named is None)
        wanted = f"integers [batch], or floats [batch, {action.n}]"
    elif action.type == "MultiDiscrete":
        found = _choose_discrete(candidates, sum(action.nvec), (action.shape,), by_name=named is None)
        wanted = f"integers [batch, {len(action.nvec)}], or floats [batch, {sum(action.nvec)}]"
    else:
        found = _choose_continuous(candidates, action.shape, others, by_name=named is None)
        wanted = f"floats [batch{''.join(f', {length}' for length in action.shape)}]"
    if isinstance(found, Output):
        return found
    if found:
        raise InputRefused(
            f"which output is the action ({wanted}) is not clear: {listed(found)} would fit. "
            "Say which with: --output NAME"
        )
    raise InputRefused(f"expected an output for the action ({wanted}), found {listed(outputs)} for each row.")


def listed(tensors: Sequence[Tensor]) -> str:
    """For example `'obs' float32 [?, 8], 'mask' bool [?, 4]`; lists the first six only."""
    words = ", ".join(str(tensor) for tensor in tensors[:6]) or "nothing"
    return words + (f" and {len(tensors) - 6} more" if len(tensors) > 6 else "")


def _choose_discrete(
    outputs: list[Tensor], n: int, shapes: Sequence[tuple[int, ...]], *, by_name: bool
) -> Output | list[Tensor]:
    """The choice, or all candidates if none or several of them fit."""
    integers = [t for t in outputs if t.dtype in _INTEGERS and t.shape in shapes]
    fitting = [t for t in outputs if t.dtype in _FLOATS and t.shape == (n,)]
    floats = [t for t in fitting if not by_name or not words_of(t.name) & NO_SCORES]
    scores = floats if len(floats) == 1 else _first_named(floats, SCORES)
    if integers:
        actions = integers if len(integers) == 1 else _first_named(integers, (ACTION,))
        if len(actions) != 1:
            return integers
        # The scores are only for sampling; the greedy action is the file's own output.
        if len(scores) == 1:
            return Output(actions[0].name, scores[0].name)
        return Output(actions[0].name, None, tuple(sorted(tensor.name for tensor in floats)))
    return Output(None, scores[0].name) if len(scores) == 1 else floats or fitting


def _choose_continuous(
    outputs: list[Tensor], shape: tuple[int, ...], others: Sequence[Tensor], *, by_name: bool
) -> Output | list[Tensor]:
    floats = [t for t in outputs if t.dtype in _FLOATS]
    fitting = [t for t in floats if t.shape == shape]
    if not fitting and shape == (1,):
        fitting = [t for t in floats if t.shape == ()]
    if not by_name:
        return Output(fitting[0].name, None) if len(fitting) == 1 else fitting
    likely = [t for t in fitting if not _is_no_action(t)]
    chosen = [t for t in likely if _is_action(t)]
    if not chosen and len(likely) == 1:
        beside = [t for t in (*fitting, *others) if t != likely[0] and _makes_a_mean(t, likely[0])]
        if beside:
            return [likely[0], *beside]
        chosen = likely
    return Output(chosen[0].name, None) if len(chosen) == 1 else fitting


def _is_no_action(tensor: Tensor) -> bool:
    words = words_of(tensor.name)
    # Of several numbers `q` may be positions of joints.
    single = {"q", "v"} if tensor.shape[-1:] in ((), (1,)) else set[str]()
    critic = words & (OF_A_CRITIC | single) and not words & OF_AN_ACTOR
    return bool(words & NO_ACTION or critic)


def _is_action(tensor: Tensor) -> bool:
    words = words_of(tensor.name)
    return bool(words & ACTION) and not words & (MEAN | NO_ACTION)


def _makes_a_mean(tensor: Tensor, other: Tensor) -> bool:
    """Whether beside `tensor` the output `other` may be the mean of a distribution.

    Libraries squash a mean after the file, or do not: then the user has to say what it is.
    """
    words = words_of(tensor.name)
    if "value" in words or "values" in words:
        return False
    return bool(words & DEVIATION) or (bool(words_of(other.name) & MEAN) and _is_action(tensor))


def _first_named(tensors: Sequence[Tensor], vocabularies: Sequence[set[str]]) -> list[Tensor]:
    """The tensors whose name has a word of a vocabulary; the first vocabulary with a match decides."""
    for vocabulary in vocabularies:
        found = [tensor for tensor in tensors if words_of(tensor.name) & vocabulary]
        if found:
            return found
    return []


def _fits(found: tuple[int | None, ...], wanted: tuple[int, ...]) -> bool:
    return all(size in (None, length) for size, length in zip(found, wanted, strict=True))
