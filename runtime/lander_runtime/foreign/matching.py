"""Finds out from a graph's signature and a trial run how it takes observations and gives actions.

Apart from `signature.py`, which uses names and shapes only: the shapes that a file declares may be wrong, so
the shapes of real outputs decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.fleet import LANES
from lander_runtime.errors import InputRefused
from lander_runtime.foreign.signature import Input, Output, Tensor, choose_input, choose_output
from lander_runtime.policy.session import OpenSession
from lander_runtime.spec import Space

_DTYPES = {"float": "float32", "double": "float64"}
"""ONNX's names that differ from NumPy's."""


@dataclass(frozen=True)
class Match:
    """How a graph fits an observation and an action space."""

    input: Input
    output: Output
    batch: int | None
    """The only batch size that works; None if any does."""
    probabilities: bool
    """Whether `output.scores` are probabilities."""
    assumptions: tuple[str, ...]
    """The assumptions, a sentence each. The report's digest covers these words, so they must not depend on
    the machine or the path."""


def match(opened: OpenSession, observation: Space, action: Space, named: str | None = None) -> Match:
    """Match the graph of `opened` with an environment's spaces; `named` is the output to use.

    Raises:
        InputRefused: the graph does not fit, or more than one output fits.
        UsageError: there is no output called `named`.
    """
    inputs, outputs = _tensors(opened.session.get_inputs()), _tensors(opened.session.get_outputs())
    outputs = [tensor for tensor in outputs if _holds_numbers(tensor)]
    entry = choose_input(inputs, observation)

    def attempt(batch: int) -> tuple[Output, bool]:
        return _attempt(opened, entry, [tensor.name for tensor in outputs], observation, action, named, batch)

    batch = entry.batch
    if batch is not None:
        output, probabilities = attempt(batch)
    else:
        # A symbolic batch may be wrong: a graph may have one size built in, or mix its rows.
        try:
            output, probabilities = attempt(LANES)
        except InputRefused as refusal:
            batch = 1
            try:
                output, probabilities = attempt(batch)
            except InputRefused:
                raise refusal from None
    said = [
        *_about_input(entry, observation, batch),
        *_about_output(output, action, probabilities),
        *_about_the_rest(output, outputs),
    ]
    return Match(entry, output, batch, probabilities, tuple(said))


def feed(entry: Input, obs: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Observations `[batch, *obs_shape]` as the graph's input."""
    with np.errstate(over="ignore"):
        obs = obs.astype(entry.dtype, copy=False)
    if entry.layout == "single":
        obs = obs[0]
    elif entry.layout == "flat":
        obs = obs.reshape(len(obs), -1)
    return {entry.name: obs}


def by_row(value: Any, batch: int) -> NDArray[Any] | None:
    """An output as `[batch, ...]`, or None if it does not have one row for each observation.

    For a batch of one, the output may lack the batch axis.
    """
    if not isinstance(value, np.ndarray):
        return None
    if batch == 1 and (value.ndim == 0 or value.shape[0] != 1):
        return value[None]
    return value if value.ndim > 0 and value.shape[0] == batch else None


def _tensors(items: Sequence[Any]) -> list[Tensor]:
    """ONNX Runtime's description of inputs or outputs."""
    found = []
    for item in items:
        kind = str(item.type).removeprefix("tensor(").removesuffix(")")
        sizes = tuple(size if isinstance(size, int) else None for size in item.shape or ())
        found.append(Tensor(item.name, _DTYPES.get(kind, kind), sizes))
    return found


def _holds_numbers(tensor: Tensor) -> bool:
    """False for texts, sequences and maps; those outputs are never computed."""
    try:
        return np.dtype(tensor.dtype).kind in "biuf"
    except TypeError:
        return False


def _attempt(
    opened: OpenSession,
    entry: Input,
    names: Sequence[str],
    observation: Space,
    action: Space,
    named: str | None,
    batch: int,
) -> tuple[Output, bool]:
    """Run `batch` random observations; gives the output, and whether its scores are probabilities."""
    obs = _some_observations(batch, observation)
    rows = {
        name: values
        for name, value in zip(names, opened.run(names, feed(entry, obs)), strict=True)
        if (values := by_row(value, batch)) is not None
    }
    output = choose_output(
        [Tensor(name, str(values.dtype), values.shape[1:]) for name, values in rows.items()], action, named
    )
    used = [name for name in (output.action, output.scores) if name is not None]
    if batch > 1:
        # The same rows at other places and with other neighbours must give the same bits.
        others = obs[::-1].copy()
        others[1::2] = 0
        for name, values in zip(used, opened.run(used, feed(entry, others)), strict=True):
            if not np.array_equal(rows[name][::-1][::2], values[::2]):
                raise InputRefused(
                    f"in a batch of {batch}, the rows of {name!r} influence each other. "
                    "Export it with a batch of 1."
                )
    return output, output.scores is not None and _are_probabilities(rows[output.scores], action)


def _some_observations(batch: int, observation: Space) -> NDArray[Any]:
    generator = np.random.default_rng(0)
    if observation.dtype == "uint8":
        return generator.integers(0, 256, (batch, *observation.shape), np.uint8)
    return generator.standard_normal((batch, *observation.shape)).astype(observation.dtype)


def _are_probabilities(scores: NDArray[Any], action: Space) -> bool:
    """Whether every block of scores is; a Discrete action has one block."""
    starts = np.cumsum([0, *action.blocks])[:-1]
    sums = np.add.reduceat(scores, starts, axis=-1, dtype=np.float64)
    return bool((scores >= 0).all() and np.allclose(sums, 1.0, rtol=0, atol=1e-3))


def _about_input(entry: Input, observation: Space, batch: int | None) -> list[str]:
    how = "flattened row by row" if entry.layout == "flat" else "as they are"
    said = [
        f"Observations go into {entry.name!r} {how}: whatever prepared them in training, such as "
        "normalisation, must be inside the file."
    ]
    if entry.dtype != observation.dtype:
        scale = ", 0 to 255 and not scaled" if observation.dtype == "uint8" else ""
        said.append(f"They are {observation.dtype} and cast to {entry.dtype}{scale}.")
    if entry.layout == "single":
        said.append("The graph takes one observation at a time.")
    elif entry.batch is not None:
        said.append(f"The graph takes batches of {batch} only.")
    elif batch is not None:
        said.append("The graph names no size for its batch, but one observation at a time is all that works.")
    return said


def _about_output(output: Output, action: Space, probabilities: bool) -> list[str]:
    kind = "probabilities, since they sum to 1" if probabilities else "logits or other scores"
    scores = f"{output.scores!r} was taken for {kind}"
    if action.type == "Box":
        return [
            f"{output.action!r} was taken for the action in the environment's own units, "
            "clipped to its bounds."
        ]
    if action.type == "MultiDiscrete":
        return _about_blocks(output, action, scores)
    if output.action is None:
        return [f"{scores}, one for each of {action.n} actions; the largest is the greedy action."]
    said = [f"{output.action!r} was taken for the number of the action."]
    return said if output.scores is None else [*said, f"{scores}, for --sampled only."]


def _about_blocks(output: Output, action: Space, scores: str) -> list[str]:
    blocks = f"one block after another for {', '.join(map(str, action.nvec))} choices"
    if output.action is None:
        return [f"{scores}, {blocks}; the largest of each is the greedy action."]
    said = [f"{output.action!r} was taken for the numbers of the action."]
    return said if output.scores is None else [*said, f"{scores}, {blocks}, for --sampled only."]


def _about_the_rest(output: Output, outputs: Sequence[Tensor]) -> list[str]:
    rest = [repr(t.name) for t in outputs if t.name not in (output.action, output.scores)]
    more = f" and {len(rest) - 6} more" if len(rest) > 6 else ""
    return [f"Not used: {', '.join(rest[:6])}{more}."] if rest else []
