"""Operators that make fewer numbers of many: sums, maxima, the k largest, pooling."""

import math

from lander_runtime.graphs.bounds.call import INT64, Call, Held, unknown
from lander_runtime.graphs.bounds.products import Window

_WORK, _LOG_WORK = 8, 64
"""Work a number, measured; the second where it goes through a logarithm or an exponential."""


def reduced(call: Call) -> list[Held]:
    """Sums, means, maxima and the like over axes."""
    held = call.given(0)
    rank = len(held.dims)
    axes = call.sizes(1, "axes", "axes")
    if not axes and call.flag("noop_with_empty_axes", False):
        axes = []
    elif not axes:
        axes = list(range(rank))
    gone = call.axes(axes, rank)
    if 0 in held.dims:
        call.refuse("takes the sum, mean or largest of no numbers")
    keep = call.flag("keepdims", True)
    dims = [1 if place in gone else size for place, size in enumerate(held.dims) if keep or place not in gone]
    call.work += (_LOG_WORK if call.node.operator == "ReduceLogSumExp" else _WORK) * held.count
    return [unknown(held.element, dims, held.exact)]


def placed(call: Call) -> list[Held]:
    """ArgMax and ArgMin."""
    held = call.given(0)
    axis = call.axis(call.whole("axis", 0), len(held.dims))
    # Of no numbers ONNX Runtime gives another shape than the one that it should.
    if 0 in held.dims:
        call.refuse("looks for the largest of no numbers")
    dims = list(held.dims)
    dims[axis : axis + 1] = [1] if call.flag("keepdims", True) else []
    call.work += _WORK * held.count
    return [unknown(INT64, dims, held.exact)]


def largest(call: Call) -> list[Held]:
    """TopK."""
    held = call.given(0)
    if not held.dims:
        call.refuse("looks for the largest of a value without axes")
    axis = call.axis(call.whole("axis", -1), len(held.dims))
    wanted = call.numbers(1, "number").ravel() if call.optional(1) is not None else None
    number = call.whole("k", -1) if wanted is None else int(wanted[0]) if wanted.size == 1 else -1
    if not 0 <= number <= held.dims[axis]:
        call.refuse(f"looks for the {number} largest of {held.dims[axis]}")
    dims = list(held.dims)
    dims[axis] = number
    # Sorting takes 10 ns a number and doubling, measured.
    call.work += held.count * (_WORK + 48 * math.ceil(math.log2(held.dims[axis] + 1)))
    return [unknown(held.element, dims, held.exact), unknown(INT64, dims, held.exact)]


def pooled(call: Call) -> list[Held]:
    """The largest or the mean of what a kernel covers."""
    held = call.given(0)
    spatial = len(held.dims) - 2
    if not 1 <= spatial <= 3 or 0 in held.dims:
        call.refuse(f"takes a value with {len(held.dims)} axes, or of no size")
    window = Window.of(call, (), spatial)
    for place in range(spatial):
        if max(window.pads[place], window.pads[place + spatial]) >= window.kernel[place]:
            call.refuse("has a pad as wide as its kernel")
    sizes = window.over(call, held.dims[2:], up=call.flag("ceil_mode", False))
    dims = call.positive([*held.dims[:2], *sizes], "a size")
    work = _LOG_WORK if call.node.operator == "LpPool" else _WORK
    call.work += work * math.prod(dims) * (math.prod(window.kernel) + 1)
    # Where a part of a step counts as one, versions differ in the last window.
    exact = held.exact and not call.flag("ceil_mode", False)
    return [unknown(held.element, dims, exact), unknown(INT64, dims, exact)]


def pooled_whole(call: Call) -> list[Held]:
    """GlobalAveragePool and the like."""
    held = call.given(0)
    if len(held.dims) < 3 or 0 in held.dims:
        call.refuse(f"takes a value with {len(held.dims)} axes, or of no size")
    call.work += _WORK * held.count
    return [unknown(held.element, (*held.dims[:2], *[1] * (len(held.dims) - 2)), held.exact)]
