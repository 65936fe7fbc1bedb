"""Which input of an unknown graph takes the observation, and which output is the action.

Pure functions of names, types and shapes, so that every rule can be tested without a file.
docs/evaluation.md explains the rules.

    an action that is one of n                      an action of shape [*shape]
    1. integers, one a row                          1. floats [batch, *shape]
    2. floats [batch, n]: the largest is the action    (never what is named value, std, log_prob, entropy)

MultiDiscrete actions are like the first: integers [batch, k], or floats [batch, n_1 + ... + n_k].

If several outputs fit, the one with a telling name is chosen. If no name or several names tell, the file is
refused.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.spec import Space

_FLOATS = ("float32", "float64", "float16")
_INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
_LARGEST_BATCH = 1024

_ACTION = {"action", "actions", "act"}
_MEAN = {"mean", "means", "mu", "loc"}
_SCORES = (
    {"logits", "logit"},
    {"prob", "probs", "probabilities"},
    {"q", "qvalues", "scores", "policy", "pi"},
)
_NO_ACTION = {
    "value", "values", "std", "logstd", "stddev", "sigma", "var", "variance", "prob", "probs", "logprob",
    "logprobs", "entropy",
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """An input or output, as the graph declares it or as a trial run returned it."""

    name: str
    dtype: str
    """NumPy's name, such as `float32`; ONNX Runtime's name for types that NumPy does not have."""
    shape: tuple[int | None, ...]
    """None for a symbolic size."""

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name!r} {self.dtype} [{sizes}]"


@dataclass(frozen=True)
class Input:
    """The input for the observation."""

    name: str
    dtype: str
    layout: Literal["batch", "flat", "single"]
    """`[batch, *obs_shape]`, `[batch, size]`, or `[*obs_shape]` without a batch."""
    batch: int | None
    """The fixed batch size, or None if it is symbolic."""


@dataclass(frozen=True)
class Output:
    """The outputs that give the action."""

    action: str | None
    """The output that is the action itself; None if there are only `scores`."""
    scores: str | None
    """The output with one float for each of n actions: logits, probabilities or values; None without one."""


def choose_input(inputs: Sequence[Tensor], observation: Space) -> Input:
    """The input that takes `observation`.

    Raises:
        InputRefused: no input fits; says what was expected and found.
    """
    shape = observation.shape
    size = math.prod(shape)
    wanted = f"one input [1 or batch{''.join(f', {length}' for length in shape)}] of floats" + (
        " or uint8" if observation.dtype == "uint8" else ""
    )
    refusal = InputRefused(f"expected {wanted}, found {listed(inputs)}.")
    if len(inputs) != 1:
        raise refusal
    [found] = inputs
    if found.dtype not in (*_FLOATS, *(("uint8",) if observation.dtype == "uint8" else ())):
        raise refusal
    layout: Literal["batch", "flat", "single"]
    if len(found.shape) == len(shape) + 1 and _fits(found.shape[1:], shape):
        layout = "batch"
    elif found.shape == shape:
        layout = "single"
    elif len(found.shape) == 2 and found.shape[1] == size:
        layout = "flat"
    else:
        raise refusal
    batch = 1 if layout == "single" else found.shape[0]
    if batch is not None and not 1 <= batch <= _LARGEST_BATCH:
        raise InputRefused(f"expected a batch of 1 to {_LARGEST_BATCH}, found {found}.")
    return Input(found.name, found.dtype, layout, batch)


def choose_output(outputs: Sequence[Tensor], action: Space, named: str | None = None) -> Output:
    """The output that is an action of the space `action`, or the scores to choose one by.

    Args:
        outputs: with the shapes of one row, without the batch.
        action: the environment's action space.
        named: use the output with this name.

    Raises:
        InputRefused: none fits or several do; says what was expected and found.
        UsageError: there is no output called `named`.
    """
    if named is not None:
        candidates = [tensor for tensor in outputs if tensor.name == named]
        if not candidates:
            raise UsageError(f"There is no output {named!r}; the file gives {listed(outputs)}.")
    else:
        candidates = list(outputs)
    if action.type == "Discrete":
        found = _choose_discrete(candidates, action.n or 0)
        wanted = f"integers [batch], or floats [batch, {action.n}]"
    elif action.type == "MultiDiscrete":
        found = _choose_discrete(candidates, sum(action.nvec), (action.shape,))
        wanted = f"integers [batch, {len(action.nvec)}], or floats [batch, {sum(action.nvec)}]"
    else:
        found = _choose_continuous(candidates, action.shape, by_name=named is None)
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
    outputs: list[Tensor], n: int, shapes: Sequence[tuple[int, ...]] = ((), (1,))
) -> Output | list[Tensor]:
    """The choice, or all candidates if none or several of them fit."""
    integers = [t for t in outputs if t.dtype in _INTEGERS and t.shape in shapes]
    floats = [t for t in outputs if t.dtype in _FLOATS and t.shape == (n,)]
    scores = floats if len(floats) == 1 else _first_named(floats, _SCORES)
    if integers:
        actions = integers if len(integers) == 1 else _first_named(integers, (_ACTION,))
        if len(actions) != 1:
            return integers
        # The scores are only for sampling; the greedy action is the file's own output.
        return Output(actions[0].name, scores[0].name if len(scores) == 1 else None)
    return Output(None, scores[0].name) if len(scores) == 1 else floats


def _choose_continuous(
    outputs: list[Tensor], shape: tuple[int, ...], *, by_name: bool
) -> Output | list[Tensor]:
    floats = [t for t in outputs if t.dtype in _FLOATS]
    fitting = [t for t in floats if t.shape == shape]
    if not fitting and shape == (1,):
        fitting = [t for t in floats if t.shape == ()]
    likely = [t for t in fitting if not (by_name and _words(t) & _NO_ACTION)]
    chosen = likely if len(likely) == 1 else _first_named(likely, (_ACTION, _MEAN))
    return Output(chosen[0].name, None) if len(chosen) == 1 else fitting


def _first_named(tensors: list[Tensor], vocabularies: Sequence[set[str]]) -> list[Tensor]:
    """The tensors whose name has a word of a vocabulary; the first vocabulary with a match decides."""
    for vocabulary in vocabularies:
        found = [tensor for tensor in tensors if _words(tensor) & vocabulary]
        if found:
            return found
    return []


def _words(tensor: Tensor) -> set[str]:
    """The words of a name: `log_prob` and `logProb` both have log and prob."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", tensor.name)}


def _fits(found: tuple[int | None, ...], wanted: tuple[int, ...]) -> bool:
    return all(size in (None, length) for size, length in zip(found, wanted, strict=True))
