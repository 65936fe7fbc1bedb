"""`read_model`: a stranger's bytes -> a `Model`, read once and strictly, or refused.

Apart from `model.py`, which is what comes out of it: here is everything that a file can get wrong.
"""

import struct
from typing import Any

from lander_runtime.errors import InputRefused
from lander_runtime.graphs import schema
from lander_runtime.graphs.messages import MessageReader, Values
from lander_runtime.graphs.model import (
    ATTRIBUTE_KINDS,
    ELEMENT_BITS,
    METADATA_KEY,
    TEXTS,
    Attribute,
    AttributeValue,
    Graph,
    Model,
    Node,
    OtherType,
    Tensor,
    TensorType,
    Value,
)
from lander_runtime.graphs.protobuf import Budget, Malformed
from lander_runtime.graphs.schema import ATTRIBUTE_VALUES
from lander_runtime.graphs.tensor_data import DATA_FIELDS, raw_data
from lander_runtime.text import quoted

MAX_INTEGERS = 1 << 22
"""In tensors that do not have them in `raw_data`, in all of a file together."""

_OWN_DOMAINS = ("", "ai.onnx")
"""Two names of ONNX's own operators."""


def read_model(data: bytes, name: str) -> Model:
    """Read an ONNX file.

    What no policy may hold and is not needed to know what runs (another graph in an attribute, a type that is
    no tensor, weights in another file) is noted in the model, and refused by `structure.check_structure`.

    Args:
        data: the file's bytes.
        name: what to call the file in errors.

    Raises:
        InputRefused: it is not ONNX, not the one way to write it, or holds a field that `schema.py` does
            not keep or drop.
    """
    try:
        return _Reader(name).model(memoryview(data))
    except Malformed as error:
        raise InputRefused(f"{name}: not an ONNX file ({error}).") from error


class _Reader(MessageReader):
    """Reads messages one inside the other. How deep is bounded: none that is read holds its own kind."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._integers = Budget(MAX_INTEGERS, "integers outside raw_data")

    def model(self, data: memoryview) -> Model:
        values = self.read(data, schema.MODEL)
        if "graph" not in values or "ir_version" not in values:
            raise Malformed("it has no graph or no IR version")
        opsets = []
        for part in values.get("opset_import", ()):
            entry = self.read(part, schema.OPERATOR_SET)
            # Of other sets no operator is let in, so their versions decide nothing.
            if entry.get("domain", "") in _OWN_DOMAINS:
                opsets.append(entry.get("version"))
        if len(opsets) != 1 or opsets[0] is None:
            self.refuse(
                f"expected one opset of ONNX itself with its version, found {len(opsets)}. "
                "Export it with opset_version=18."
            )
        return Model(
            graph=self._graph(values["graph"]),
            ir_version=values["ir_version"],
            opset=opsets[0],
            metadata=self._metadata(values.get("metadata_props", ())),
        )

    def _metadata(self, entries: list[memoryview]) -> str | None:
        ours = [value for key, value in map(self._entry, entries) if key == METADATA_KEY]
        if len(ours) > 1:
            self.refuse(f"expected one entry {METADATA_KEY!r}, found {len(ours)}. Export it again.")
        return ours[0] if ours else None

    def _entry(self, data: memoryview) -> tuple[str, str]:
        values = self.read(data, schema.ENTRY)
        return values.get("key", ""), values.get("value", "")

    def _graph(self, data: memoryview) -> Graph:
        values = self.read(data, schema.GRAPH)
        return Graph(
            name=values.get("name", ""),
            nodes=tuple(map(self._node, values.get("node", ()))),
            initializers=tuple(map(self._tensor, values.get("initializer", ()))),
            inputs=tuple(map(self._value, values.get("input", ()))),
            outputs=tuple(map(self._value, values.get("output", ()))),
            values=tuple(map(self._value, values.get("value_info", ()))),
        )

    def _node(self, data: memoryview) -> Node:
        values = self.read(data, schema.NODE)
        attributes = tuple(map(self._attribute, values.get("attribute", ())))
        names = {attribute.name for attribute in attributes}
        if len(names) < len(attributes):
            raise Malformed("two attributes of a node have one name")
        domain = values.get("domain", "")
        return Node(
            operator=values.get("op_type", ""),
            inputs=tuple(values.get("input", ())),
            outputs=tuple(values.get("output", ())),
            name=values.get("name", ""),
            domain="" if domain in _OWN_DOMAINS else domain,
            attributes=attributes,
        )

    def _attribute(self, data: memoryview) -> Attribute:
        values = self.read(data, schema.ATTRIBUTE)
        name = values.get("name", "")
        kind = ATTRIBUTE_KINDS.get(values.get("type", 0))
        if kind is None:
            self.refuse(
                f"the attribute {quoted(name)} has the type {values.get('type', 0)}, which is none of "
                "ONNX's. Export it again."
            )
        field = ATTRIBUTE_VALUES[kind]
        others = values.keys() & set(ATTRIBUTE_VALUES.values()) - {field}
        if others:
            raise Malformed(f"an attribute of type {kind} has a value in {min(others)}")
        return Attribute(name, kind, self._attribute_value(kind, values.get(field)))

    def _attribute_value(self, kind: str, value: Any) -> AttributeValue | None:
        """The value, where none is written protobuf's: zero, or nothing."""
        match kind:
            case "FLOAT":
                return struct.unpack("<f", value)[0] if value is not None else 0.0
            case "INT":
                return value or 0
            case "STRING":
                return bytes(value or b"")
            case "TENSOR":
                return self._tensor(value if value is not None else memoryview(b""))
            case "FLOATS":
                return tuple(number for (number,) in struct.iter_unpack("<f", b"".join(value or ())))
            case "INTS":
                return tuple(value or ())
            case "STRINGS":
                return tuple(map(bytes, value or ()))
        return None

    def _tensor(self, data: memoryview) -> Tensor:
        values = self.read(data, schema.TENSOR)
        name = values.get("name", "")
        element = self._element(values.get("data_type", 0), f"the tensor {quoted(name)}")
        written = [field for field in DATA_FIELDS if field in values]
        external = self._external(values)
        if len(written) + (external is not None) > 1:
            raise Malformed(f"the tensor {quoted(name)} has its numbers in more than one place")
        raw: bytes | memoryview = b""
        texts: tuple[bytes, ...] = ()
        if element == TEXTS:
            if written not in ([], ["string_data"]):
                raise Malformed(f"the tensor {quoted(name)} has texts in {written[0]}")
            texts = tuple(map(bytes, values.get("string_data", ())))
        elif written:
            raw = raw_data(written[0], values[written[0]], element, quoted(name), self._integers)
        return Tensor(name, element, tuple(values.get("dims", ())), raw, texts, external)

    def _external(self, values: Values) -> tuple[tuple[str, str], ...] | None:
        """Where in another file the numbers are, if they are."""
        location = values.get("data_location", 0)
        if location not in (0, 1):
            raise Malformed(f"the data location {location}")
        entries = tuple(map(self._entry, values.get("external_data", ())))
        if len({key for key, _ in entries}) < len(entries):
            raise Malformed("a tensor says twice where its numbers are")
        return entries if entries or location == 1 else None

    def _value(self, data: memoryview) -> Value:
        values = self.read(data, schema.VALUE)
        name = values.get("name", "")
        return Value(name, self._type(values["type"], name) if "type" in values else None)

    def _type(self, data: memoryview, name: str) -> TensorType | OtherType:
        values = self.read(data, schema.TYPE)
        if len(values) != 1:
            raise Malformed(f"{quoted(name)} has {len(values)} types")
        [kind] = values
        if kind != "tensor_type":
            return OtherType(kind)
        values = self.read(values[kind], schema.TENSOR_TYPE)
        element = self._element(values.get("elem_type", 0), quoted(name))
        if "shape" not in values:
            return TensorType(element, None)
        dims = self.read(values["shape"], schema.SHAPE).get("dim", ())
        return TensorType(element, tuple(map(self._dimension, dims)))

    def _dimension(self, data: memoryview) -> int | str | None:
        values = self.read(data, schema.DIMENSION)
        if len(values) > 1:
            raise Malformed("a dimension with a size and a name")
        # A name of no letters names nothing.
        return values["dim_value"] if "dim_value" in values else values.get("dim_param") or None

    def _element(self, number: int, what: str) -> int:
        if number not in ELEMENT_BITS and number != TEXTS:
            self.refuse(
                f"{what} has the element type {number}, which no policy may use. Export it with float32."
            )
        return number
