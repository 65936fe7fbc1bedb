"""Values that follow from shapes and constants alone, such as the sizes that a Reshape or an Expand takes.

PyTorch writes `x.view(x.shape[0], -1)` as a chain of small operators on whole numbers. They are worked out
here, as ONNX Runtime will; where it is not certain that both agree, the value stays unknown.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.graphs.bounds import elementwise, layout
from lander_runtime.graphs.bounds.call import INTEGERS, Call, Held, as_numpy

FEW = 1024
"""Numbers of a value that is worked out: sizes, axes, bounds, and not weights."""

Array = NDArray[Any]


def folded(call: Call, outputs: Sequence[Held]) -> Array | None:
    """The first output's numbers, or None where they are not known."""
    rule = _RULES.get(call.node.operator)
    if rule is None or not outputs or not outputs[0].exact or outputs[0].count > FEW:
        return None
    if call.node.operator in ("Shape", "Size"):
        return rule(call, outputs[0], [])
    values = [None if one is None else one.value for one in call.inputs]
    if any(one is not None and one.value is None for one in call.inputs):
        return None
    try:
        with np.errstate(all="ignore"):
            found = rule(call, outputs[0], values)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None  # ONNX Runtime would refuse it as well.
    dtype = as_numpy(outputs[0].element)
    if found is None or dtype is None or found.shape != outputs[0].dims:
        return None
    if call.node.operator in ("Max", "Min") and found.dtype.kind == "f":
        return None  # What is the larger of a number and NaN?
    if call.node.operator in _COMPUTED and any(_is_far(one) for one in (found, *values) if one is not None):
        return None
    return found.astype(dtype, copy=False)


def _is_far(value: Array) -> bool:
    """Whether whole numbers are too large for sizes: some operators of ONNX Runtime are wrong about those."""
    return value.dtype.kind in "iu" and bool(((value >= _FAR) | (value <= -_FAR)).any())


_FAR = 1 << 31

_COMPUTED = frozenset(
    ("Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "ReduceProd", "ReduceSum", "Neg", "Abs", "Range")
)


def _shape(call: Call, out: Held, values: Sequence[Any]) -> Array | None:
    held = call.given(0)
    if not held.exact:
        return None
    if call.node.operator == "Size":
        return np.array(held.count, np.int64)
    return np.array(held.dims[elementwise.range_of(call)], np.int64)


def _cast(call: Call, out: Held, values: Sequence[Any]) -> Array | None:
    dtype = as_numpy(out.element)
    if dtype is None:
        return None
    if values[0].dtype.kind == "f" and dtype.kind in "iu":
        # Processors differ in what they make of a number that does not fit.
        low, high = (-(2**31), 2**31) if dtype.kind == "i" and dtype.itemsize >= 4 else (0, 128)
        if not ((values[0] > low) & (values[0] < high)).all():
            return None
    return values[0].astype(dtype)


def _gather(call: Call, out: Held, values: Sequence[Any]) -> Array:
    return np.take(values[0], values[1], axis=call.whole("axis", 0))


def _slice(call: Call, out: Held, values: Sequence[Any]) -> Array:
    starts, ends = call.sizes(1, "starts", "") or [], call.sizes(2, "ends", "") or []
    axes = call.sizes(3, "axes", "") or list(range(len(starts)))
    steps = call.sizes(4, "steps", "") or [1] * len(starts)
    found = values[0]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        found = np.take(found, list(layout.kept(start, end, step, found.shape[axis])), axis=axis)
    return found


def _divide(call: Call, out: Held, values: Sequence[Any]) -> Array:
    if out.element not in INTEGERS:
        return values[0] / values[1]
    # Towards zero, as C does; NumPy rounds down.
    quotient = values[0] // values[1]
    whole = quotient * values[1] == values[0]
    return quotient + (~whole & ((values[0] < 0) != (values[1] < 0)))


def _modulo(call: Call, out: Held, values: Sequence[Any]) -> Array:
    return (np.fmod if call.flag("fmod", False) else np.mod)(values[0], values[1])


def _concat(call: Call, out: Held, values: Sequence[Any]) -> Array:
    return np.concatenate(values, axis=call.whole("axis", 1))


def _transpose(call: Call, out: Held, values: Sequence[Any]) -> Array:
    return np.transpose(values[0], call.ints("perm"))


def _moved(call: Call, out: Held, values: Sequence[Any]) -> Array:
    """What changes the shape and not the numbers."""
    return values[0].reshape(out.dims)


def _range(call: Call, out: Held, values: Sequence[Any]) -> Array:
    return values[0] + np.arange(out.dims[0]).astype(values[0].dtype) * values[2]


def _of_shape(call: Call, out: Held, values: Sequence[Any]) -> Array | None:
    tensor, dtype = call.tensor("value"), as_numpy(out.element)
    if dtype is None:
        return None
    return np.full(out.dims, 0 if tensor is None else np.frombuffer(tensor.raw, dtype)[0], dtype)


def _reduced(function: Callable[..., Array]) -> Callable[[Call, Held, Sequence[Any]], Array | None]:
    def reduce(call: Call, out: Held, values: Sequence[Any]) -> Array | None:
        if out.element not in INTEGERS:
            return None  # The order of additions is not known.
        axes = call.sizes(1, "axes", "")
        if not axes:
            axes = [] if call.flag("noop_with_empty_axes", False) else list(range(values[0].ndim))
        return function(values[0], axis=tuple(axes), dtype=values[0].dtype).reshape(out.dims)

    return reduce


def _many(function: Callable[[Any, Any], Array]) -> Callable[[Call, Held, Sequence[Any]], Array]:
    """Of two inputs or more."""

    def combine(call: Call, out: Held, values: Sequence[Any]) -> Array:
        found = values[0]
        for value in values[1:]:
            found = function(found, value)
        return found

    return combine


def _alone(function: Callable[[Any], Array]) -> Callable[[Call, Held, Sequence[Any]], Array]:
    return lambda call, out, values: function(values[0])


_RULES: dict[str, Callable[[Call, Held, Sequence[Any]], Array | None]] = {
    "Shape": _shape,
    "Size": _shape,
    "Cast": _cast,
    "Gather": _gather,
    "Slice": _slice,
    "Div": _divide,
    "Mod": _modulo,
    "Concat": _concat,
    "Transpose": _transpose,
    "Range": _range,
    "ConstantOfShape": _of_shape,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "Expand": lambda call, out, values: np.broadcast_to(values[0], out.dims),
    "Where": lambda call, out, values: np.where(*values),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"), _moved),
    **{name: _alone(rule) for name, rule in {
        "Neg": np.negative, "Abs": np.abs, "Not": np.logical_not, "Floor": np.floor, "Ceil": np.ceil,
    }.items()},
    **{name: _many(rule) for name, rule in {
        "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Max": np.maximum, "Min": np.minimum,
        "Equal": np.equal, "Greater": np.greater, "Less": np.less, "GreaterOrEqual": np.greater_equal,
        "LessOrEqual": np.less_equal, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
    }.items()},
}  # fmt: skip
