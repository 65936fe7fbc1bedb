"""Bytes of ONNX files as a stranger may write them: field by field, into any message of the tiny policy."""

from pathlib import Path

from lander_runtime.graphs import protobuf

TINY = Path(__file__).parents[2] / "data" / "tiny-discrete.onnx"

GRAPH, NODE, INITIALIZER, OUTPUT = (7,), (7, 1), (7, 5), (7, 12)
"""Where messages are in a model: numbers of fields, from the outside in."""


def field(number: int, content: bytes = b"") -> bytes:
    """A field of bytes, such as a message."""
    return b"".join(protobuf.content(number, content))


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    return protobuf.integer(1, value)[1:]


def overlong(value: int) -> bytes:
    """A number with a byte more than it needs."""
    written = bytearray(varint(value))
    written[-1] |= 0x80
    return bytes(written) + b"\0"


def rebuilt(extra: bytes, *path: int) -> bytes:
    """The tiny policy with `extra` behind the last message at `path`, in it and in all around it."""

    def into(data: bytes, rest: tuple[int, ...]) -> bytes:
        if not rest:
            return data + extra
        parts, last = [], None
        for number, wire, value in protobuf.fields(memoryview(data), protobuf.Budget(1_000_000)):
            if wire == protobuf.BYTES and number == rest[0]:
                last = len(parts)
            parts.append((number, wire, value if isinstance(value, int) else bytes(value)))
        assert last is not None
        number, wire, value = parts[last]
        assert isinstance(value, bytes)
        parts[last] = (number, wire, into(value, rest[1:]))
        return b"".join(written(*part) for part in parts)

    return into(TINY.read_bytes(), path)


def written(number: int, wire: int, value: int | bytes | memoryview) -> bytes:
    """A field as it is written, whatever its wire type."""
    if isinstance(value, int):
        return protobuf.integer(number, value)
    length = varint(len(value)) if wire == protobuf.BYTES else b""
    return varint(number << 3 | wire) + length + bytes(value)
