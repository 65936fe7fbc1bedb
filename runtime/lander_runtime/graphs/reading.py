"""`read_model`: a stranger's bytes -> a `Model`, read once and strictly, or refused.

Apart from `graph.py`, which is what comes out of it: here is everything that a file can get wrong.
"""

import struct
from typing import Any, Never

from lander_runtime.errors import InputRefused
from lander_runtime.graphs import schema
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
from lander_runtime.graphs.protobuf import BYTES, Budget, Malformed, fields, integer, signed, varints
from lander_runtime.graphs.schema import ATTRIBUTE_VALUES, WIRE_TYPES, Field, Schema
from lander_runtime.graphs.tensor_data import DATA_FIELDS, raw_data
from lander_runtime.text import quoted

MAX_FIELDS = 100_000
"""In all messages of a file together. Policies of other libraries have some hundreds, of 39 nodes 614."""

MAX_INTEGERS = 1 << 22
"""In tensors that do not have them in `raw_data`, in all of a file together."""

MAX_NAME_BYTES = 4096
"""Of a name of a value, a node or an operator."""

MAX_METADATA_BYTES = 8 << 20
"""What a file says of itself. As Python's objects it takes up to thirty times as much memory."""

_OWN_DOMAINS = ("", "ai.onnx")
"""Two names of ONNX's own operators."""

Values = dict[str, Any]
"""What a message holds by the names of its fields."""


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


class _Reader:
    """Reads messages one inside the other. How deep is bounded: none that is read holds its own kind."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._budget = Budget(MAX_FIELDS)
        self._integers = Budget(MAX_INTEGERS, "integers outside raw_data")

    def model(self, data: memoryview) -> Model:
        values = self._fields(data, schema.MODEL)
        if "graph" not in values or "ir_version" not in values:
            raise Malformed("it has no graph or no IR version")
        opsets = []
        for part in values.get("opset_import", ()):
            entry = self._fields(part, schema.OPERATOR_SET)
            # Of other sets no operator is let in, so their versions decide nothing.
            if entry.get("domain", "") in _OWN_DOMAINS:
                opsets.append(entry.get("version"))
        if len(opsets) != 1 or opsets[0] is None:
            self._refuse(
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
            self._refuse(f"expected one entry {METADATA_KEY!r}, found {len(ours)}. Export it again.")
        return ours[0] if ours else None

    def _entry(self, data: memoryview) -> tuple[str, str]:
        values = self._fields(data, schema.ENTRY)
        return values.get("key", ""), values.get("value", "")

    def _graph(self, data: memoryview) -> Graph:
        values = self._fields(data, schema.GRAPH)
        return Graph(
            name=values.get("name", ""),
            nodes=tuple(map(self._node, values.get("node", ()))),
            initializers=tuple(map(self._tensor, values.get("initializer", ()))),
            inputs=tuple(map(self._value, values.get("input", ()))),
            outputs=tuple(map(self._value, values.get("output", ()))),
            values=tuple(map(self._value, values.get("value_info", ()))),
        )

    def _node(self, data: memoryview) -> Node:
        values = self._fields(data, schema.NODE)
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
        values = self._fields(data, schema.ATTRIBUTE)
        name = values.get("name", "")
        kind = ATTRIBUTE_KINDS.get(values.get("type", 0))
        if kind is None:
            self._refuse(
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
        values = self._fields(data, schema.TENSOR)
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
        values = self._fields(data, schema.VALUE)
        name = values.get("name", "")
        return Value(name, self._type(values["type"], name) if "type" in values else None)

    def _type(self, data: memoryview, name: str) -> TensorType | OtherType:
        values = self._fields(data, schema.TYPE)
        if len(values) != 1:
            raise Malformed(f"{quoted(name)} has {len(values)} types")
        [kind] = values
        if kind != "tensor_type":
            return OtherType(kind)
        values = self._fields(values[kind], schema.TENSOR_TYPE)
        element = self._element(values.get("elem_type", 0), quoted(name))
        if "shape" not in values:
            return TensorType(element, None)
        dims = self._fields(values["shape"], schema.SHAPE).get("dim", ())
        return TensorType(element, tuple(map(self._dimension, dims)))

    def _dimension(self, data: memoryview) -> int | str | None:
        values = self._fields(data, schema.DIMENSION)
        if len(values) > 1:
            raise Malformed("a dimension with a size and a name")
        # A name of no letters names nothing.
        return values["dim_value"] if "dim_value" in values else values.get("dim_param") or None

    def _element(self, number: int, what: str) -> int:
        if number not in ELEMENT_BITS and number != TEXTS:
            self._refuse(
                f"{what} has the element type {number}, which no policy may use. Export it with float32."
            )
        return number

    def _fields(self, data: memoryview, message: Schema) -> Values:
        """The fields of a message that are kept or noted, by their names."""
        found: Values = {}
        seen: set[int] = set()
        for number, wire, value in fields(data, self._budget):
            field = message.fields.get(number)
            if field is None or field.handling == "refuse" or (field.handling == "empty" and value):
                self._refuse_field(message, number, field)
            packed = _is_packed(field, wire, message)
            # Readers take the first of two, the last, or both merged.
            if not field.repeated and number in seen:
                raise Malformed(f"{message.name}.{field.name} is there twice")
            seen.add(number)
            if field.handling == "note":
                found[field.name] = None
            elif field.handling == "keep" and field.repeated:
                found.setdefault(field.name, []).extend(self._several(value, field, message, packed))
            elif field.handling == "keep":
                found[field.name] = _single(value, field, message)
            elif not isinstance(value, int) and field.kind == "message":
                self._entry(value)  # Left out, but a message all the same.
        return found

    def _several(self, value: Any, field: Field, message: Schema, packed: bool) -> list[Any]:
        """The elements of a repeated field in one occurrence of it; of long ones, the bytes."""
        if field.kind == "int":
            return list(map(signed, varints(value, self._budget) if packed else [value]))
        if field.kind == "numbers":
            # As they stand in a packed field, where nearly all are.
            return [value if packed else memoryview(integer(0, value))[1:]]
        if packed and len(value) % (4 if field.kind == "float" else 8):
            raise Malformed(f"{message.name}.{field.name} ends in the middle of a number")
        return [_single(value, field, message)]

    def _refuse_field(self, message: Schema, number: int, field: Field | None) -> Never:
        if field is None:
            self._refuse(
                f"{message.name} has the field {number}, which is none that a policy may use. "
                "Export it again, for IR version 10 or older."
            )
        if field.name == "functions":
            self._refuse(f"expected plain operators, found functions. {field.advice}")
        self._refuse(f"{message.name} has {field.name}, which no policy may use. {field.advice}")

    def _refuse(self, sentence: str) -> Never:
        raise InputRefused(f"{self._name}: {sentence}")


def _is_packed(field: Field, wire: int, message: Schema) -> bool:
    """Whether several numbers are written as one field; repeated numbers may be, and come apart too."""
    expected = WIRE_TYPES[field.kind]
    if wire == expected:
        return False
    if wire == BYTES and field.repeated:
        return True
    raise Malformed(f"{message.name}.{field.name} has wire type {wire}")


def _single(value: int | memoryview, field: Field, message: Schema) -> Any:
    if isinstance(value, int):
        return signed(value)
    if field.kind != "text":
        return value
    most = MAX_METADATA_BYTES if message is schema.ENTRY else MAX_NAME_BYTES
    if len(value) > most:
        raise Malformed(f"{message.name}.{field.name} has {len(value):,} bytes, at most {most:,} are read")
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{message.name}.{field.name} is not UTF-8 text") from error
