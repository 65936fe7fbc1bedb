"""Operators that make as many numbers as they are told, which must be known before the graph runs."""

import math

from lander_runtime.graphs.bounds.call import FLOAT, Call, Held, unknown
from lander_runtime.graphs.bounds.elementwise import broadcasted

_WORK = 4


def of_shape(call: Call) -> list[Held]:
    """ConstantOfShape."""
    dims = call.positive([int(size) for size in call.numbers(0, "shape").ravel()], "a size")
    value = call.tensor("value")
    return _made(call, FLOAT if value is None else value.element, dims)


def in_steps(call: Call) -> list[Held]:
    """Range."""
    start, limit, step = (call.numbers(place, "length").ravel() for place in range(3))
    if not (start.size == limit.size == step.size == 1) or step[0] == 0:
        call.refuse("has no length")
    length = (float(limit[0]) - float(start[0])) / float(step[0])
    if not math.isfinite(length):
        call.refuse("has no length")
    # Of floats it may be one more or one less, as they are rounded.
    exact = start.dtype.kind in "iu"
    size = max(0, math.ceil(length)) + (not exact)
    return _made(call, call.given(0).element, call.positive([size], "a size"), exact)


def expand(call: Call) -> list[Held]:
    """One shape stretched to another."""
    held = call.given(0)
    wanted = call.positive([int(size) for size in call.numbers(1, "shape").ravel()], "a size")
    dims, exact = broadcasted([held, unknown(held.element, wanted)])
    return _made(call, held.element, dims, exact)


def tile(call: Call) -> list[Held]:
    """Copies beside each other."""
    held = call.given(0)
    times = call.positive(
        [int(times) for times in call.numbers(1, "number of copies").ravel()], "a number of copies"
    )
    if len(times) != len(held.dims):
        call.refuse(f"has {len(times)} numbers of copies for {len(held.dims)} axes")
    return _made(call, held.element, [a * b for a, b in zip(held.dims, times, strict=True)], held.exact)


def pad(call: Call) -> list[Held]:
    """A border, or less of what is there."""
    held = call.given(0)
    rank = len(held.dims)
    pads = call.sizes(1, "pads", "width")
    if pads is None:
        call.refuse("has no width")
    axes = call.sizes(3, "no attribute", "axes")
    places = list(range(rank)) if axes is None else call.axes(axes, rank)
    if len(pads) != 2 * len(places):
        call.refuse(f"has {len(pads)} widths for {len(places)} axes")
    dims = list(held.dims)
    for index, place in enumerate(places):
        before, after = pads[index], pads[index + len(places)]
        # What is cut off where a width is below zero, is cut off from what is there.
        if min(before, 0) + min(after, 0) + dims[place] < 0:
            call.refuse(f"cuts off more than the {dims[place]} numbers that there are")
        dims[place] += before + after
        if call.text("mode", "constant") != "constant" and max(before, after) > held.dims[place]:
            call.refuse("repeats more numbers than there are")
    call.work += 32 * math.prod(max(0, size) for size in dims)
    return _made(call, held.element, call.positive(dims, "a size"), held.exact)


def one_hot(call: Call) -> list[Held]:
    """A new axis with one number that differs from the others."""
    held, values = call.given(0), call.given(2)
    depth = call.numbers(1, "depth").ravel()
    if depth.size != 1:
        call.refuse("has no depth")
    rank = len(held.dims)
    axis = call.axis(call.whole("axis", -1), rank + 1)
    [size] = call.positive([int(depth[0])], "a depth")
    return _made(call, values.element, (*held.dims[:axis], size, *held.dims[axis:]), held.exact)


def resize(call: Call) -> list[Held]:
    """Resize and Upsample, whose inputs have moved from opset to opset."""
    held = call.given(0)
    old = call.node.operator == "Upsample" or call.opset < 11
    scales, sizes = (1, 3) if old else (2, 3)
    listed = call.floats("scales")
    dims: list[int] = list(held.dims)
    if call.optional(sizes) is not None and not old:
        wanted = [int(size) for size in call.numbers(sizes, "size").ravel()]
        axes = call.axes(call.ints("axes") or list(range(len(wanted))), len(dims))
        if len(wanted) != len(axes):
            call.refuse(f"has {len(wanted)} sizes for {len(axes)} axes")
        for axis, size in zip(axes, wanted, strict=True):
            dims[axis] = size
        exact = call.text("keep_aspect_ratio_policy", "stretch") == "stretch"
        if not exact:
            # With the ratio kept, an axis may come out longer than it says.
            most = max(
                [size / max(1, held.dims[axis]) for axis, size in zip(axes, wanted, strict=True)], default=1
            )
            dims = [
                max(size, math.ceil(old_size * most)) for size, old_size in zip(dims, held.dims, strict=True)
            ]
    else:
        factors = (
            listed if listed is not None else [float(one) for one in call.numbers(scales, "scale").ravel()]
        )
        axes = call.axes(call.ints("axes") or list(range(len(factors))), len(dims))
        if len(factors) != len(axes) or not all(0 < factor < 1e9 for factor in factors):
            call.refuse(f"has the scales {factors[:8]}")
        for axis, factor in zip(axes, factors, strict=True):
            dims[axis] = math.ceil(dims[axis] * factor)
        # Of a product that is no whole number, single precision may round to the next.
        exact = all(factor.is_integer() for factor in factors)
    dims = list(call.positive(dims, "a size"))
    if 0 in dims or 0 in held.dims:
        call.refuse("makes a picture of no size")
    cubic = call.text("mode", "nearest") == "cubic"
    # Averaging goes over all of a picture that is made smaller.
    call.work += 64 * ((4 if cubic else 1) * math.prod(dims) + 4 * call.flag("antialias", False) * held.count)
    return _made(call, held.element, dims, held.exact and exact)


def cropped(call: Call) -> list[Held]:
    """CenterCropPad."""
    held = call.given(0)
    wanted = call.positive([int(size) for size in call.numbers(1, "shape").ravel()], "a size")
    axes = call.axes(call.ints("axes") or list(range(len(wanted))), len(held.dims))
    if len(axes) != len(wanted):
        call.refuse(f"has {len(wanted)} sizes for {len(axes)} axes")
    dims = list(held.dims)
    for axis, size in zip(axes, wanted, strict=True):
        dims[axis] = size
    return _made(call, held.element, dims, held.exact)


def grid_sample(call: Call) -> list[Held]:
    """A picture at places between its pixels."""
    held, grid = call.given(0), call.given(1)
    if len(held.dims) not in (4, 5) or len(grid.dims) != len(held.dims):
        call.refuse(f"takes values with {len(held.dims)} and {len(grid.dims)} axes")
    dims = (*held.dims[:2], *grid.dims[1:-1])
    cubic = call.text("mode", "linear") in ("cubic", "bicubic")
    call.work += (256 if cubic else 128) * math.prod(dims)
    return [unknown(held.element, dims, held.exact and grid.exact)]


def _made(call: Call, element: int, dims: "tuple[int, ...] | list[int]", exact: bool = True) -> list[Held]:
    call.work += _WORK * math.prod(dims)
    return [unknown(element, dims, exact)]
