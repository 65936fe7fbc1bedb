"""Operators that move numbers to other places; none makes more, but for Gather, which repeats."""

import math
from collections.abc import Sequence

import numpy as np

from lander_runtime.graphs.bounds.call import INT64, Call, Held, unknown

_WORK = 4
"""Work a number that is copied."""

_SCATTERED_WORK = 64
"""Work a number that is looked for, measured; and of one that is transposed."""

_FEW_AXES, _SLOW_TRANSPOSE = 5, 256
"""With more axes each number's place is worked out alone."""

_UNIQUE_WORK = 16_384
"""Work a number, which goes into a sorted tree: 3 microseconds, measured."""

_TO_THE_END = (1 << 31) - 1
"""An end from here on has a meaning of its own."""


def transpose(call: Call) -> list[Held]:
    """The axes in another order."""
    held = call.given(0)
    order = call.ints("perm")
    if order is None:
        order = list(range(len(held.dims)))[::-1]
    if sorted(order) != list(range(len(held.dims))):
        call.refuse(f"has the order {order[:8]} of {len(held.dims)} axes")
    call.work += (_SCATTERED_WORK if len(order) <= _FEW_AXES else _SLOW_TRANSPOSE) * held.count
    return [unknown(held.element, [held.dims[axis] for axis in order], held.exact)]


def reshape(call: Call) -> list[Held]:
    """The same numbers in another shape, of which one size may follow from the others."""
    held = call.given(0)
    wanted = call.sizes(1, "shape", "shape")
    if wanted is None:
        call.refuse("has no shape")
    keeps_zero = call.flag("allowzero", False)
    dims = []
    for place, size in enumerate(wanted):
        if size == 0 and not keeps_zero:
            dims.append(
                held.dims[place] if place < len(held.dims) else call.refuse("keeps an axis that is not there")
            )
        else:
            dims.append(size)
    if dims.count(-1) > 1:
        call.refuse("has two open sizes")
    rest = math.prod(size for size in dims if size != -1)
    if -1 in dims:
        # Rounded up where the shape is only a bound.
        dims[dims.index(-1)] = -(-held.count // rest) if rest else 0
    dims = call.positive(dims, "a size")
    call.work += _WORK * held.count
    return [unknown(held.element, dims, held.exact)]


def flatten(call: Call) -> list[Held]:
    """Two axes of many."""
    held = call.given(0)
    axis = call.whole("axis", 1)
    rank = len(held.dims)
    if not -rank <= axis <= rank:
        call.refuse(f"has the axis {axis} of a value with {rank} axes")
    axis = axis + rank if axis < 0 else axis
    call.work += _WORK * held.count
    dims = (math.prod(held.dims[:axis]), math.prod(held.dims[axis:]))
    return [unknown(held.element, dims, held.exact)]


def squeeze(call: Call) -> list[Held]:
    """Without some axes of one number."""
    held = call.given(0)
    axes = call.sizes(1, "axes", "axes")
    # ONNX Runtime takes an empty list for none, too.
    if not axes:
        if not held.exact:
            call.refuse("drops axes of a value whose shape is not known")
        axes = [place for place, size in enumerate(held.dims) if size == 1]
    dropped = call.axes(axes, len(held.dims))
    return [
        unknown(
            held.element, [size for place, size in enumerate(held.dims) if place not in dropped], held.exact
        )
    ]


def unsqueeze(call: Call) -> list[Held]:
    """With axes of one number put in."""
    held = call.given(0)
    axes = call.sizes(1, "axes", "axes")
    if axes is None:
        call.refuse("has no axes")
    added = call.axes(axes, len(held.dims) + len(axes))
    rest = iter(held.dims)
    dims = [1 if place in added else next(rest) for place in range(len(held.dims) + len(axes))]
    return [unknown(held.element, dims, held.exact)]


def concat(call: Call) -> list[Held]:
    """One after the other along an axis."""
    held = [call.given(place) for place in range(len(call.inputs))]
    if not held or len({len(one.dims) for one in held}) != 1:
        call.refuse("joins values of different ranks")
    rank = len(held[0].dims)
    axis = call.axis(call.whole("axis", 1), rank)
    dims = [max(one.dims[place] for one in held) for place in range(rank)]
    dims[axis] = sum(one.dims[axis] for one in held)
    call.work += _WORK * sum(one.count for one in held)
    return [unknown(held[0].element, dims, all(one.exact for one in held))]


def split(call: Call) -> list[Held]:
    """The opposite of `concat`."""
    held = call.given(0)
    axis = call.axis(call.whole("axis", 0), len(held.dims))
    parts = len(call.node.outputs)
    sizes = call.sizes(1, "split", "parts")
    if call.whole("num_outputs", parts) != parts:
        call.refuse(f"gives {parts} values and says {call.whole('num_outputs', parts)}")
    if sizes is None:
        # In equal parts, the last may be smaller.
        each = -(-held.dims[axis] // max(1, parts))
        sizes = [max(0, min(each, held.dims[axis] - each * place)) for place in range(parts)]
    if len(sizes) != parts or sum(sizes) > held.dims[axis]:
        call.refuse(f"has {parts} parts of the sizes {sizes[:8]}")
    call.positive(sizes, "a part")
    call.work += _WORK * held.count
    return [unknown(held.element, _with(held.dims, axis, size), held.exact) for size in sizes]


def cut(call: Call) -> list[Held]:
    """Slice."""
    held = call.given(0)
    dims = list(held.dims)
    call.work += _WORK * held.count
    for place in range(1, len(call.inputs)):
        if call.optional(place) is not None:
            # Else there could be no numbers left, of which other operators end the process.
            call.numbers(place, "place")
    if not held.exact:
        # What comes out is never longer than what is cut.
        return [unknown(held.element, dims, exact=False)]
    starts, ends = call.sizes(1, "starts", "starts"), call.sizes(2, "ends", "ends")
    if starts is None or ends is None or len(starts) != len(ends):
        call.refuse("has no beginning or no end")
    axes = call.sizes(3, "axes", "axes")
    axes = list(range(len(starts))) if axes is None else axes
    steps = call.sizes(4, "steps", "steps") or [1] * len(starts)
    if not len(axes) == len(steps) == len(starts):
        call.refuse("has as many axes as beginnings no more")
    for axis, start, end, step in zip(call.axes(axes, len(dims)), starts, ends, steps, strict=True):
        if step == 0 or abs(step) >= 1 << 31:
            call.refuse(f"has a step of {step}")
        if step < 0 and end >= _TO_THE_END:
            # To ONNX Runtime this means all, and to others nothing.
            call.refuse(f"goes backwards from {start} to {end}")
        dims[axis] = len(kept(start, end, step, dims[axis]))
    return [unknown(held.element, dims)]


def kept(start: int, end: int, step: int, size: int) -> range:
    """The places that Slice takes of an axis. Python's slices begin elsewhere for some of them."""
    start, end = (place + size if place < 0 else place for place in (start, end))
    least, most = (0, size) if step > 0 else (-1, size - 1)
    return range(min(max(start, 0), most), min(max(end, least), most), step)


def gather(call: Call) -> list[Held]:
    """Numbers at places that another input names."""
    held, places = call.given(0), call.given(1)
    exact = held.exact and places.exact
    match call.node.operator:
        case "GatherElements":
            dims: Sequence[int] = places.dims
        case "GatherND":
            batch = call.whole("batch_dims", 0)
            if not places.dims or not 0 <= batch < len(places.dims) or not places.exact:
                call.refuse("names no places")
            depth = places.dims[-1]
            dims = (*places.dims[:-1], *held.dims[batch + depth :])
        case _:
            axis = call.axis(call.whole("axis", 0), len(held.dims))
            dims = (*held.dims[:axis], *places.dims, *held.dims[axis + 1 :])
    call.work += _SCATTERED_WORK * places.count + 2 * _WORK * math.prod(dims)
    return [unknown(held.element, dims, exact)]


def blocks(call: Call) -> list[Held]:
    """DepthToSpace and SpaceToDepth."""
    held = call.given(0)
    size = call.whole("blocksize", 0)
    if len(held.dims) != 4 or not 1 <= size <= 1 << 15:
        call.refuse(f"has blocks of {size} of a value with {len(held.dims)} axes")
    batch, channels, height, width = held.dims
    if call.node.operator == "DepthToSpace":
        dims = (batch, channels // size**2, height * size, width * size)
    else:
        dims = (batch, channels * size**2, height // size, width // size)
    call.work += _WORK * held.count
    return [unknown(held.element, dims, held.exact)]


def chosen(call: Call) -> list[Held]:
    """NonZero and Compress: how many numbers come out depends on those of an input, which must be known.

    There could be none, of which other operators end the process.
    """
    held = call.given(0)
    call.work += 16 * held.count * max(1, len(held.dims))
    if call.node.operator == "NonZero":
        count = int(np.count_nonzero(call.numbers(0, "number of results")))
        # Of a single number ONNX Runtime gives one axis.
        return [unknown(INT64, (max(1, len(held.dims)), count), held.exact)]
    flat = not call.has("axis")
    axis = 0 if flat else call.axis(call.whole("axis", 0), len(held.dims))
    dims = (held.count,) if flat else held.dims
    wanted = call.numbers(1, "number of results").ravel()[: dims[axis]]
    return [unknown(held.element, _with(dims, axis, int(np.count_nonzero(wanted))), held.exact)]


def unique(call: Call) -> list[Held]:
    """Unique: how many is seen when it runs, one at least. Of no numbers it ends the process."""
    held = call.given(0)
    if not held.exact or 0 in held.dims:
        call.refuse("looks for different numbers where there may be none")
    call.work += _UNIQUE_WORK * held.count
    dims = held.dims if call.has("axis") else (held.count,)
    first = unknown(held.element, dims, exact=False)
    return [first, *(unknown(INT64, (held.count,), exact=False) for _ in call.node.outputs[1:])]


def scattered(call: Call) -> list[Held]:
    """Numbers put over some of the first input's."""
    held = call.given(0)
    call.work += _WORK * (held.count + 4 * sum(one.count for one in call.inputs[1:] if one is not None))
    return [unknown(held.element, held.dims, held.exact)]


def _with(dims: Sequence[int], axis: int, size: int) -> list[int]:
    found = list(dims)
    found[axis] = size
    return found
