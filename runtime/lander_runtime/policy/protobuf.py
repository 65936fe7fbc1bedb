"""Reading and writing fields of protobuf messages (https://protobuf.dev/programming-guides/encoding).

Here because the onnx package is not at hand where a policy is embedded, and a few fields are all it takes.
"""

from collections.abc import Iterator


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """The fields of one message: (number, integer or bytes, all of the field as it is written).

    Raises:
        ValueError: this is no message.
    """
    position = 0
    while position < len(data):
        start = position
        key, position = _varint(data, position)
        kind = key & 7
        value: int | memoryview = 0
        if kind == 0:
            value, position = _varint(data, position)
        elif kind == 1:
            position += 8
        elif kind == 5:
            position += 4
        elif kind == 2:
            size, position = _varint(data, position)
            value = data[position : position + size]
            position += size
        else:
            raise ValueError(f"wire type {kind} at byte {position}")
        if position > len(data):
            raise ValueError("it ends in the middle of a field")
        yield key >> 3, value, data[start:position]


def message(value: int | memoryview) -> memoryview:
    """A field that should hold bytes; ValueError where it holds a number."""
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def text(value: int | memoryview) -> str:
    """A field that should hold a text."""
    return bytes(message(value)).decode("utf-8", "replace")


def written(number: int, content: bytes) -> bytes:
    """A field of bytes as it is written."""
    return _written_varint(number << 3 | 2) + _written_varint(len(content)) + content


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("it ends in the middle of a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number of more than 10 bytes")


def _written_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
