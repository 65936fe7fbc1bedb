"""Reading and writing the wire format of protobuf (https://protobuf.dev/programming-guides/encoding).

Here because the onnx package is not at hand where a policy is embedded, and stricter than protobuf's own
readers. Those differ in what they make of odd bytes: one cuts a tag to 32 bits where another does not. So a
number has one spelling here, its shortest, and what two readers could take for two things is refused.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types: how a field is written. Groups (3 and 4) are older than ONNX and not read."""

Pieces = list[bytes | memoryview]
"""What a message is written in. Not joined at every level, so that weights are copied once."""

_NUMBERS_AT_ONCE = 1 << 18


class Malformed(ValueError):
    """Bytes that are no protobuf message, or not the one way to write it."""


class Budget:
    """How many of `what` may still be read: time and memory are bounded whatever a file holds."""

    def __init__(self, count: int, what: str = "fields") -> None:
        self.left = count
        self._what = what

    def spend(self, count: int = 1) -> None:
        """So many more.

        Raises:
            Malformed: there are too many.
        """
        self.left -= count
        if self.left < 0:
            raise Malformed(f"it has more {self._what} than any policy")


def fields(data: memoryview, budget: Budget) -> Iterator[tuple[int, int, int | memoryview]]:
    """The fields of one message: (number, wire type, unsigned integer or bytes).

    Raises:
        Malformed: this is no message.
    """
    position, end = 0, len(data)
    while position < end:
        budget.spend()
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        # Protobuf's readers keep 32 bits of a tag, some without looking at the others.
        if not 0 < number < 1 << 29:
            raise Malformed(f"the field number {number}")
        if wire == VARINT:
            value, position = _varint(data, position)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, position = _varint(data, position)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise Malformed(f"wire type {wire}")
        if size > end - position:
            raise Malformed("it ends in the middle of a field")
        yield number, wire, data[position : position + size]
        position += size


def varints(data: memoryview, budget: Budget) -> list[int]:
    """The unsigned integers of a packed field. Each counts as a field, since each becomes an object.

    Raises:
        Malformed: they are not whole, or not in their shortest form.
    """
    position, found = 0, []
    while position < len(data):
        budget.spend()
        value, position = _varint(data, position)
        found.append(value)
    return found


def varint_arrays(data: memoryview, budget: Budget) -> Iterator[NDArray[np.uint64]]:
    """As `varints`, for millions of them: arrays of a limited size, one after the other."""
    while len(data) > 0:
        part = np.frombuffer(data[:_NUMBERS_AT_ONCE], np.uint8)
        ends = np.flatnonzero(part < 0x80)
        if len(ends) == 0:
            raise Malformed("it ends in the middle of a number")
        budget.spend(len(ends))
        yield _decoded(part, ends)
        data = data[int(ends[-1]) + 1 :]


def signed(value: int) -> int:
    """The int64 that an unsigned integer stands for."""
    return value - (1 << 64) if value >> 63 else value


def integer(number: int, value: int) -> bytes:
    """An int64 field, as it is written."""
    return _written(number << 3 | VARINT) + _written(value & (1 << 64) - 1)


def fixed32(number: int, content: bytes) -> bytes:
    """A field of four bytes, such as a float."""
    return _written(number << 3 | FIXED32) + content


def content(number: int, value: bytes | memoryview) -> Pieces:
    """A field of bytes."""
    return [_written(number << 3 | BYTES) + _written(len(value)), value]


def text(number: int, value: str) -> Pieces:
    """A field of text."""
    return content(number, value.encode())


def message(number: int, pieces: Sequence[bytes | memoryview]) -> Pieces:
    """A field that is itself a message."""
    size = sum(map(len, pieces))
    return [_written(number << 3 | BYTES) + _written(size), *pieces]


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """The unsigned integer at `position`, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise Malformed("it ends in the middle of a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise Malformed("a number that is written longer than it is")
            if value >> 64:
                break
            return value, position
    raise Malformed("a number of more than 64 bits")


def _decoded(part: NDArray[np.uint8], ends: NDArray[np.intp]) -> NDArray[np.uint64]:
    """The integers whose last bytes are at `ends`, as `_varint` reads each."""
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    last = part[ends]
    if np.any((last == 0) & (lengths > 1)):
        raise Malformed("a number that is written longer than it is")
    if np.any((lengths > 10) | ((lengths == 10) & (last > 1))):
        raise Malformed("a number of more than 64 bits")
    values = np.zeros(len(ends), np.uint64)
    for place in range(int(lengths.max())):
        reach = lengths > place
        digits = (part[starts[reach] + place] & 0x7F).astype(np.uint64)
        values[reach] |= digits << np.uint64(7 * place)
    return values


def _written(value: int) -> bytes:
    if value < 0x80:
        return _ONE_BYTE[value]
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_ONE_BYTE = [bytes([value]) for value in range(0x80)]
