"""A model as plain data: what was read of a file, and the bytes that are written from it.

`reading.read_model` makes it from a stranger's bytes, and ONNX Runtime is given `Model.to_bytes()`: what was
looked at is what runs. Field numbers are those of `schema.py`. Fields are written in the order and the forms
that the onnx package has.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lander_runtime.graphs import protobuf
from lander_runtime.graphs.protobuf import Pieces

METADATA_KEY = "lander.policy"
"""Of the one entry of `metadata_props` that is kept: what a policy file says about itself."""

ELEMENT_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 16: 16,
    17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4,
}  # fmt: skip
"""Bits of an element by TensorProto.DataType, up to the types of IR version 10. Texts have no fixed size, and
complex numbers and later types are no part of a policy."""

TEXTS = 8
"""TensorProto.DataType of texts."""

ATTRIBUTE_KINDS = {
    1: "FLOAT", 2: "INT", 3: "STRING", 4: "TENSOR", 5: "GRAPH", 6: "FLOATS", 7: "INTS", 8: "STRINGS",
    9: "TENSORS", 10: "GRAPHS", 11: "SPARSE_TENSOR", 12: "SPARSE_TENSORS", 13: "TYPE_PROTO",
    14: "TYPE_PROTOS",
}  # fmt: skip
"""AttributeProto.AttributeType."""

_KIND_NUMBERS = {kind: number for number, kind in ATTRIBUTE_KINDS.items()}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Numbers or texts. In a file numbers may be written in several ways; here they have one."""

    name: str
    element: int
    """TensorProto.DataType, one of `ELEMENT_BITS` or `TEXTS`."""
    dims: tuple[int, ...]
    raw: bytes | memoryview = b""
    """Little-endian, in C order; empty for texts."""
    texts: tuple[bytes, ...] = ()
    external: tuple[tuple[str, str], ...] | None = None
    """Where in another file the numbers are, as keys and values; None where they are here."""

    def pieces(self) -> Pieces:
        assert self.external is None, "weights in another file are put in before a model is written"
        written: Pieces = [protobuf.integer(1, size) for size in self.dims]
        written.append(protobuf.integer(2, self.element))
        for value in self.texts:
            written += protobuf.content(6, value)
        if self.name:
            written += protobuf.text(8, self.name)
        if self.element != TEXTS:
            written += protobuf.content(9, self.raw)
        return written


AttributeValue = float | int | bytes | Tensor | tuple[float, ...] | tuple[int, ...] | tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A setting of a node."""

    name: str
    kind: str
    """One of `ATTRIBUTE_KINDS`."""
    value: AttributeValue | None
    """What `kind` says, STRINGS as bytes; None for the kinds that no policy may use, such as GRAPH."""

    def pieces(self) -> Pieces:
        written = protobuf.text(1, self.name)
        written += _ATTRIBUTE_WRITERS[self.kind](self.value)
        written.append(protobuf.integer(20, _KIND_NUMBERS[self.kind]))
        return written


@dataclass(frozen=True, slots=True)
class Node:
    """One operator with what goes in and out."""

    operator: str
    inputs: tuple[str, ...]
    """Empty where an optional one is left out."""
    outputs: tuple[str, ...]
    name: str = ""
    domain: str = ""
    """Empty for ONNX's own operators."""
    attributes: tuple[Attribute, ...] = ()

    def pieces(self) -> Pieces:
        written: Pieces = []
        for name in self.inputs:
            written += protobuf.text(1, name)
        for name in self.outputs:
            written += protobuf.text(2, name)
        if self.name:
            written += protobuf.text(3, self.name)
        written += protobuf.text(4, self.operator)
        written += _each(5, self.attributes)
        if self.domain:
            written += protobuf.text(7, self.domain)
        return written


@dataclass(frozen=True, slots=True)
class TensorType:
    """Type and shape of a tensor."""

    element: int
    """TensorProto.DataType, one of `ELEMENT_BITS` or `TEXTS`."""
    shape: tuple[int | str | None, ...] | None
    """A size, its symbol, or None where it is open; None in all where not even the rank is known."""

    def pieces(self) -> Pieces:
        written: Pieces = [protobuf.integer(1, self.element)]
        if self.shape is not None:
            dims: Pieces = []
            for size in self.shape:
                dims += protobuf.message(1, _dimension(size))
            written += protobuf.message(2, dims)
        return written


@dataclass(frozen=True, slots=True)
class OtherType:
    """A type that no policy may use."""

    kind: str
    """Its field in TypeProto, such as `sequence_type`."""


@dataclass(frozen=True, slots=True)
class Value:
    """A named input, output or value in between, with its type where that is declared."""

    name: str
    type: TensorType | OtherType | None

    def pieces(self) -> Pieces:
        assert not isinstance(self.type, OtherType), "refused before a model is written"
        written = protobuf.text(1, self.name)
        if self.type is not None:
            written += protobuf.message(2, protobuf.message(1, self.type.pieces()))
        return written


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in the order in which they run."""

    name: str
    nodes: tuple[Node, ...]
    initializers: tuple[Tensor, ...]
    inputs: tuple[Value, ...]
    """In old files the initialisers too."""
    outputs: tuple[Value, ...]
    values: tuple[Value, ...] = ()
    """What is declared about values in between."""

    def pieces(self) -> Pieces:
        written = _each(1, self.nodes)
        if self.name:
            written += protobuf.text(2, self.name)
        written += _each(5, self.initializers)
        for number, values in ((11, self.inputs), (12, self.outputs), (13, self.values)):
            written += _each(number, values)
        return written


@dataclass(frozen=True, slots=True)
class Model:
    """All of a file that is read."""

    graph: Graph
    ir_version: int
    opset: int
    """Version of ONNX's own operators."""
    metadata: str | None = field(default=None, repr=False)
    """The text under the key `lander.policy`."""

    def to_bytes(self) -> bytes:
        """An ONNX file of this model, once `structure.check_structure` has passed it."""
        written: Pieces = [protobuf.integer(1, self.ir_version)]
        written += protobuf.message(7, self.graph.pieces())
        written += protobuf.message(8, [protobuf.integer(2, self.opset)])
        if self.metadata is not None:
            entry = [*protobuf.text(1, METADATA_KEY), *protobuf.text(2, self.metadata)]
            written += protobuf.message(14, entry)
        return b"".join(written)


def _each(number: int, items: Sequence[Node | Tensor | Value | Attribute]) -> Pieces:
    """A repeated field of messages."""
    written: Pieces = []
    for item in items:
        written += protobuf.message(number, item.pieces())
    return written


def _dimension(size: int | str | None) -> Pieces:
    if size is None:
        return []
    return protobuf.text(2, size) if isinstance(size, str) else [protobuf.integer(1, size)]


def _float(number: int, value: float) -> bytes:
    return protobuf.fixed32(number, struct.pack("<f", value))


def _strings(values: Sequence[bytes]) -> Pieces:
    written: Pieces = []
    for value in values:
        written += protobuf.content(9, value)
    return written


# Of the kinds that no policy may use there is nothing to write.
_ATTRIBUTE_WRITERS: dict[str, Callable[..., Pieces]] = {
    "FLOAT": lambda value: [_float(2, value)],
    "INT": lambda value: [protobuf.integer(3, value)],
    "STRING": lambda value: protobuf.content(4, value),
    "TENSOR": lambda value: protobuf.message(5, value.pieces()),
    "FLOATS": lambda values: [_float(7, value) for value in values],
    "INTS": lambda values: [protobuf.integer(8, value) for value in values],
    "STRINGS": _strings,
}
