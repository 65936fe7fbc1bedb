"""Operators that work number by number, and why integers may only be divided by constants."""

from collections.abc import Sequence

import numpy as np

from lander_runtime.graphs.bounds.call import BOOL, FLOAT, INT64, INTEGERS, UINT8, Call, Held, unknown

_SIMPLE = (
    "Abs Add And BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Clip Equal Greater GreaterOrEqual "
    "Identity Less LessOrEqual Max Mean Min Mul Neg Not Or Relu LeakyRelu Sub Sum Where Xor"
)
"""What costs little more than the memory that it goes through."""

_SIMPLE_WORK, _OTHER_WORK = 8, 64
"""Work a number; of other ones, such as Erf or Pow in double precision, measured."""

_BOOLEAN = "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor"


def same(call: Call) -> list[Held]:
    """One output like the first input. Others, such as the mean of a normalisation, are no larger."""
    held = call.given(0)
    _spend(call, held.count)
    element = BOOL if call.node.operator in _BOOLEAN.split() else held.element
    first = unknown(element, held.dims, held.exact)
    more = (
        call.given(3).dims
        if call.node.operator == "BatchNormalization" and call.node.outputs[1:]
        else held.dims
    )
    return [first, *(unknown(held.element, more, exact=False) for _ in call.node.outputs[1:])]


def broadcast(call: Call) -> list[Held]:
    """Inputs that are stretched to one shape."""
    held = [call.given(place) for place in range(len(call.inputs))]
    if call.node.operator in ("Div", "Mod"):
        _check_divisor(call, held)
    dims, exact = broadcasted(held)
    # Sum, Mean, Max and Min take any number of inputs, the same one many times too.
    _spend(call, unknown(FLOAT, dims).count * max(1, len(held) - 1))
    # The first of Where is its condition.
    source = held[1 if call.node.operator == "Where" and len(held) > 1 else 0]
    return [unknown(BOOL if call.node.operator in _BOOLEAN.split() else source.element, dims, exact)]


def broadcasted(held: Sequence[Held]) -> tuple[tuple[int, ...], bool]:
    """The shape that all are stretched to, and whether it is exact.

    Sizes that do not fit end a run in ONNX Runtime, so what is said of them here does not matter.
    """
    rank = max(len(one.dims) for one in held)
    dims = []
    for place in range(-rank, 0):
        sizes = [one.dims[place] for one in held if len(one.dims) >= -place]
        others = [size for size in sizes if size != 1]
        dims.append(max(others) if others and all(one.exact for one in held) else max(sizes))
        if 0 in others and all(one.exact for one in held):
            dims[-1] = 0
    return tuple(dims), all(one.exact for one in held)


def _check_divisor(call: Call, held: Sequence[Held]) -> None:
    """Integers are divided by constants alone, and not by 0 or -1.

    The processor ends the process at a division by zero, and at the smallest number divided by -1, which has
    no opposite.
    """
    if len(held) != 2 or not any(one.element in INTEGERS for one in held):
        return
    divisor = held[1].value
    if divisor is None:
        call.refuse("divides whole numbers by what is not constant")
    if np.isin(divisor.astype(np.int64), (0, -1)).any():
        call.refuse("divides whole numbers by 0 or -1")


_SMALL_FLOATS = range(17, 24)
"""TensorProto.DataType of numbers of 8 bits and fewer, which no processor computes with."""


def cast(call: Call) -> list[Held]:
    """Cast, CastLike and BitCast: another type, the same shape."""
    held = call.given(0)
    call.flag("saturate", True)  # With another number some types come out as what was in memory.
    if max(held.element, call.whole("to", FLOAT)) in _SMALL_FLOATS:
        call.work += _OTHER_WORK * held.count
    _spend(call, held.count)
    if call.node.operator in ("CastLike",):
        return [unknown(call.given(1).element, held.dims, held.exact)]
    return [unknown(call.whole("to", FLOAT), held.dims, held.exact)]


def eye_like(call: Call) -> list[Held]:
    """A matrix of ones and zeros in the shape of another."""
    held = call.given(0)
    _spend(call, held.count)
    return [unknown(call.whole("dtype", held.element), held.dims, held.exact)]


def quantised(call: Call) -> list[Held]:
    """To and from integers of few bits."""
    held = call.given(0)
    _spend(call, held.count)
    match call.node.operator:
        case "DequantizeLinear":
            return [unknown(call.given(1).element, held.dims, held.exact)]
        case "DynamicQuantizeLinear":
            return [unknown(UINT8, held.dims, held.exact), unknown(FLOAT, ()), unknown(UINT8, ())]
    zero = call.optional(2)
    element = zero.element if zero is not None else call.whole("output_dtype", 0) or UINT8
    return [unknown(element, held.dims, held.exact)]


def gated(call: Call) -> list[Held]:
    """SwiGLU, whose output has at most the numbers of its input."""
    held = call.given(0)
    _spend(call, held.count)
    return [unknown(held.element, held.dims, exact=False)]


def counted(call: Call) -> list[Held]:
    """Shape and Size: their values are put in by `folding`."""
    if call.node.operator == "Size":
        return [unknown(INT64, ())]
    return [unknown(INT64, (len(call.given(0).dims[range_of(call)]),))]


def range_of(call: Call) -> slice:
    """Which axes Shape gives the sizes of."""
    return slice(call.whole("start", 0), call.whole("end", _ALL_AXES))


_ALL_AXES = 1 << 30


def local_norm(call: Call) -> list[Held]:
    """LRN: each number by those around it, of which there are `size`."""
    held, size = call.given(0), call.whole("size", 0)
    if len(held.dims) < 3 or 0 in held.dims or not 1 <= size <= 2 * held.dims[1] + 1:
        call.refuse(f"takes {size} numbers around each")
    call.work += held.count * size * _SIMPLE_WORK
    return same(call)


def instance_norm(call: Call) -> list[Held]:
    """InstanceNormalization, which ends the process where there are no numbers."""
    held = call.given(0)
    if len(held.dims) < 3 or 0 in held.dims or not held.exact:
        call.refuse("takes the mean of numbers of which there may be none")
    return same(call)


def _spend(call: Call, count: int) -> None:
    call.work += count * (_SIMPLE_WORK if call.node.operator in _SIMPLE.split() else _OTHER_WORK)
