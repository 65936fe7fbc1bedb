"""Affine maps at the end of a graph: whether they keep an action in the interval of one squashed value.

    ... -> Tanh -> MatMul(identity)          as squashed as before
    ... -> Tanh -> Gemm(2 x identity)        scaled to an environment's bounds
    ... -> Tanh -> Gemm(64 hidden units)     a plain linear layer, of which nothing can be seen

Apart from `intervals.py`, whose operators work on each number alone: a map is known by what it does as a
whole, whichever operators it is made of, so its slopes are taken from runs (`Probe.slopes`).
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from lander_runtime.foreign.analysis.intervals import Interval, unbounded
from lander_runtime.graphs.model import Node

Array = NDArray[np.float64]

MOST_NUMBERS = 1024
"""In a row of the value that a map takes. More are hidden layers, and as many runs would take long."""

_OF_ANY = {
    "MatMul", "Gemm", "Conv", "ConvTranspose", "Einsum", "Mul", "Add", "Sub", "Sum", "Mean", "Concat",
}  # fmt: skip
"""Affine in any one of their inputs, where the others are constants."""

_OF_FIRST = {
    "Div", "Neg", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Tile",
    "Slice", "Split", "Gather", "GatherElements", "GatherND", "Pad", "Trilu", "CumSum", "ReduceSum",
    "ReduceMean", "AveragePool", "GlobalAveragePool", "BatchNormalization", "DepthToSpace", "SpaceToDepth",
}  # fmt: skip
"""Affine in their first input, where the others are constants."""

_FLOATS = (1, 10, 11, 16)
"""TensorProto.DataType: other types round, so a Cast to them is no affine map."""

_NEARLY_ALL = 0.99
"""Of what a result can move by: more by one number alone, and it follows that one."""


def moving_operand(node: Node, moving: Collection[str]) -> str | None:
    """The input of which `node` is an affine function, or None where it is none.

    Args:
        node: any.
        moving: the values that depend on the observation.
    """
    places = [place for place, name in enumerate(node.inputs) if name in moving]
    if len(places) != 1:
        return None
    [place] = places
    first = node.operator in _OF_FIRST or (node.operator == "Cast" and _keeps_fractions(node))
    if node.operator in _OF_ANY or (first and place == 0):
        return node.inputs[place]
    return None


def _keeps_fractions(node: Node) -> bool:
    return any(item.name == "to" and item.value in _FLOATS for item in node.attributes)


def shares_in_a_row(source: Node | None, shape: tuple[int, ...]) -> int | None:
    """How many numbers make one whole, where `source` gives shares of it along its last axis."""
    if source is None or source.operator not in ("Softmax", "Hardmax"):
        return None
    axis = next((item.value for item in source.attributes if item.name == "axis"), -1)
    return shape[-1] if axis in (-1, len(shape) - 1) else None


def averaged(slopes: Array, offset: Array, shares: int) -> Interval:
    """What an affine map makes of shares of a whole: averages of its slopes, such as those of bins.

    Args:
        slopes: `[m, n]`.
        offset: `[rows, m]`.
        shares: how many numbers make one whole; `n` is a multiple of it.

    Returns:
        `[rows, m]`.
    """
    wholes = slopes.reshape(len(slopes), -1, shares)
    return Interval(offset + wholes.min(axis=2).sum(axis=1), offset + wholes.max(axis=2).sum(axis=1))


def mapped(given: Interval, slopes: Array, offset: Array) -> Interval:
    """What an affine map makes of an interval, where each result follows one number or averages some.

    Of other results nothing is said: those of a layer with many inputs lie far within what these could add up
    to, so their interval would tell nothing of their units.

    Args:
        given: of the value that the map takes, `[rows, n]`.
        slopes: `[m, n]`.
        offset: `[rows, m]`.

    Returns:
        `[rows, m]`.
    """
    low, high = given.low.min(axis=0), given.high.max(axis=0)
    known = np.isfinite(low) & np.isfinite(high)
    middle, half = np.where(known, (high + low) / 2, 0.0), np.where(known, (high - low) / 2, 0.0)
    parts = np.abs(slopes) * half
    reach = parts.sum(axis=1)
    follows_one = parts.max(axis=1) >= _NEARLY_ALL * reach
    averages = np.isclose(np.abs(slopes).sum(axis=1), 1.0, rtol=0.0, atol=1e-6)
    open_ = (slopes[:, ~known] != 0.0).any(axis=1) | ~(follows_one | averages)
    centre = offset + slopes @ middle
    anything = unbounded(centre.shape)
    return Interval(
        np.where(open_, anything.low, centre - reach), np.where(open_, anything.high, centre + reach)
    )
