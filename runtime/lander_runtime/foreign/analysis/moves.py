"""Operators that move numbers: which of those that go in come out, element by element.

Apart from `intervals.py`, where numbers change and keep their places.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lander_runtime.foreign.analysis.intervals import Array, Interval, number
from lander_runtime.graphs.model import Node


def moved(node: Node, place: int, given: Interval, indices: list[Any], shape: tuple[int, ...]) -> Interval:
    """What a Slice, Gather or Split takes out, element by element.

    Args:
        node: one of `MOVES`.
        place: which of its outputs.
        given: of its first input.
        indices: the values of its other inputs; None for what is left out or not constant.
        shape: of the output.
    """
    try:
        ends = [MOVES[node.operator](node, place, end, indices, shape) for end in (given.low, given.high)]
        return Interval(*(end.reshape(shape) for end in ends))
    except (TypeError, ValueError, IndexError):  # Places that depend on the observation, or a damaged node.
        return given.filled(shape)


def places(node: Node, given: tuple[int, ...], shape: tuple[int, ...]) -> Interval:
    """Of an ArgMax: from 0 to the last place along its axis; `given` is the shape of what goes in."""
    last = given[int(number(node, "axis", 0))] - 1
    return Interval(np.zeros(shape), np.full(shape, float(last)))


def _sliced(node: Node, place: int, array: Array, indices: list[Any], shape: tuple[int, ...]) -> Array:
    # Attributes before opset 10, inputs since.
    attributes: dict[str, Any] = {item.name: item.value for item in node.attributes}
    starts, ends, axes, steps = [*indices, *[None] * 4][:4]
    starts, ends = attributes.get("starts", starts), attributes.get("ends", ends)
    axes = attributes.get("axes", axes)
    starts, ends = ([int(value) for value in np.ravel(values)] for values in (starts, ends))
    along = range(len(starts)) if axes is None else [int(axis) for axis in np.ravel(axes)]
    by = [1] * len(starts) if steps is None else [int(step) for step in np.ravel(steps)]
    wanted = [slice(None)] * array.ndim
    for axis, start, end, step in zip(along, starts, ends, by, strict=True):
        # Backwards, an end before the first element is no place from behind.
        stop = None if step < 0 and end < -array.shape[axis] else end
        wanted[axis] = slice(start, stop, step)
    return array[tuple(wanted)]


def _gathered(node: Node, place: int, array: Array, indices: list[Any], shape: tuple[int, ...]) -> Array:
    return np.take(array, np.asarray(indices[0], np.int64), axis=int(number(node, "axis", 0)))


def _split(node: Node, place: int, array: Array, indices: list[Any], shape: tuple[int, ...]) -> Array:
    axis = int(number(node, "axis", 0))
    told: Any = next((item.value for item in node.attributes if item.name == "split"), None)
    sizes = told if told is not None else indices[0] if indices else None
    # Equal parts, of which only the last may be smaller.
    equal = -(-array.shape[axis] // len(node.outputs))
    start = place * equal if sizes is None else int(np.sum(np.ravel(sizes)[:place]))
    return np.take(array, range(start, start + shape[axis]), axis=axis)


MOVES: dict[str, Callable[..., Array]] = {"Slice": _sliced, "Gather": _gathered, "Split": _split}
"""Operators whose elements are some of those that go in."""
