"""Observations, state and flags as a graph's inputs, and its outputs row by row."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.foreign.analysis.memory import State, zeros
from lander_runtime.foreign.signature import Input, Tensor

Carried = Mapping[str, NDArray[Any]]
"""The state of one episode, by the names of the inputs that take it."""


@dataclass(frozen=True)
class Feeding:
    """How a graph is fed."""

    entry: Input
    batch: int | None
    """The only batch size that works; None if any does."""
    states: tuple[State, ...] = ()
    starts: tuple[Tensor, ...] = ()
    """Inputs that are 1 at the first step of an episode and 0 later."""
    forgets: bool = False
    """Whether the states stay zero, as the user asked."""

    @property
    def remembers(self) -> bool:
        return bool(self.states or self.starts) and not self.forgets

    def shapes(self, observation: Sequence[int], rows: int) -> dict[str, tuple[int, ...]]:
        """The shapes of all inputs for `rows` observations, before any of them is made."""
        given = {self.entry.name: _input_shape(self.entry, observation, rows)}
        given |= {
            start.name: tuple(1 if size is None else size for size in start.shape) for start in self.starts
        }
        return given | {
            state.input: tuple(rows if size is None else size for size in state.shape)
            for state in self.states
        }

    def first(self, obs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """All inputs for observations `[batch, *obs_shape]` at the start of an episode."""
        return self.at(obs, None)

    def at(self, obs: NDArray[Any], state: Carried | None) -> dict[str, NDArray[Any]]:
        """All inputs for observations `[batch, *obs_shape]`; a `state` of None is that of a start."""
        given = {self.entry.name: as_input(self.entry, obs)}
        for start in self.starts:
            shape = tuple(len(obs) if size is None else size for size in start.shape)
            given[start.name] = np.full(shape, state is None, start.dtype)
        return given | (zeros(self.states) if state is None else dict(state))


def as_input(entry: Input, obs: NDArray[Any]) -> NDArray[Any]:
    """Observations `[batch, *obs_shape]` in the type and layout of an input."""
    with np.errstate(over="ignore"):
        obs = obs.astype(entry.dtype, copy=False)
    match entry.layout:
        case "single":
            return obs[0]
        case "flat":
            return obs.reshape(len(obs), -1)
        case "sequence":
            return obs[None]
        case "channels_first":
            return np.ascontiguousarray(obs.transpose(0, 3, 1, 2))
        case "channels_last":
            return np.ascontiguousarray(obs.transpose(0, 2, 3, 1))
    return obs


def _input_shape(entry: Input, observation: Sequence[int], rows: int) -> tuple[int, ...]:
    """The shape of what `_as_input` gives for `rows` observations."""
    match entry.layout:
        case "single":
            return tuple(observation)
        case "flat":
            return rows, math.prod(observation)
        case "sequence":
            return 1, rows, *observation
        case "channels_first":
            return rows, observation[2], *observation[:2]
        case "channels_last":
            return rows, *observation[1:], observation[0]
    return rows, *observation


def by_row(value: Any, batch: int, entry: Input) -> NDArray[Any] | None:
    """An output as `[batch, ...]`, or None if it does not have one row for each observation.

    For a batch of one, the output may lack the batch axis.
    """
    if not isinstance(value, np.ndarray):
        return None
    if entry.layout == "sequence" and value.ndim > 1 and value.shape[:2] == (1, 1):
        return value[0]
    if batch == 1 and (value.ndim == 0 or value.shape[0] != 1):
        return value[None]
    return value if value.ndim > 0 and value.shape[0] == batch else None
