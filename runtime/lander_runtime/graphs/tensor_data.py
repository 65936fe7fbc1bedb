"""The numbers of a tensor in one form, whichever of ONNX's six a file has them in.

Apart from `reading.py` because this is the only arithmetic there: millions of numbers, never one by one.
"""

import numpy as np

from lander_runtime.graphs.protobuf import Budget, Malformed, varint_arrays

DATA_FIELDS = (
    "raw_data",
    "float_data",
    "int32_data",
    "string_data",
    "int64_data",
    "double_data",
    "uint64_data",
)
"""Where a TensorProto may have its content."""

_WRITTEN_OUT = {
    1: ("float_data", "<f4"),
    2: ("int32_data", "u1"),
    3: ("int32_data", "i1"),
    4: ("int32_data", "<u2"),
    5: ("int32_data", "<i2"),
    6: ("int32_data", "<i4"),
    7: ("int64_data", "<i8"),
    9: ("int32_data", "?"),
    10: ("int32_data", "<u2"),
    11: ("double_data", "<f8"),
    12: ("uint64_data", "<u4"),
    13: ("uint64_data", "<u8"),
    16: ("int32_data", "<u2"),
    **dict.fromkeys(range(17, 23), ("int32_data", "u1")),
}
"""By TensorProto.DataType: the field for elements outside `raw_data`, and what is written of each.

Floats of 8 and 16 bits stand there as their bits, integers of 4 bits two at a time.
"""


def raw_data(
    field: str, content: memoryview | list[memoryview], element: int, name: str, budget: Budget
) -> bytes | memoryview:
    """What `raw_data` holds or would hold, little-endian.

    Args:
        field: the one of `DATA_FIELDS` that `content` stands in.
        content: the bytes of `raw_data`, or the packed parts of another field.
        element: TensorProto.DataType.
        name: what to call the tensor in errors.
        budget: how many integers may still be written one after the other. They may take eight times the
            memory then, and have no place in a policy in such numbers.

    Raises:
        Malformed: `field` is not the one for such elements, a number does not fit one, or there are too many.
    """
    if isinstance(content, memoryview):
        return content
    expected, dtype = _WRITTEN_OUT[element]
    if field != expected:
        raise Malformed(f"the tensor {name} of element type {element} has its numbers in {field}")
    joined = content[0] if len(content) == 1 else memoryview(b"".join(content))
    if field in ("float_data", "double_data"):
        return joined
    return b"".join(
        _narrowed(array if field == "uint64_data" else array.view(np.int64), np.dtype(dtype), name)
        for array in varint_arrays(joined, budget)
    )


def _narrowed(array: np.ndarray, dtype: np.dtype, name: str) -> bytes:
    narrow = array.astype(dtype)
    # Not so where a number was cut, which readers do in different ways.
    if not np.array_equal(narrow.astype(array.dtype), array):
        raise Malformed(f"the tensor {name} has a number that does not fit its element type")
    return narrow.tobytes()
