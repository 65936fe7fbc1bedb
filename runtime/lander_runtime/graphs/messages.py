"""The fields of one message, strictly by its schema: kept, noted, left out or refused.

Apart from `reading.py`, which knows what the messages of a model mean.
"""

from typing import Any, Never

from lander_runtime.errors import InputRefused
from lander_runtime.graphs import schema
from lander_runtime.graphs.protobuf import BYTES, Budget, Malformed, fields, integer, signed, varints
from lander_runtime.graphs.schema import WIRE_TYPES, Field, Schema

MAX_FIELDS = 100_000
"""In all messages of a file together. Policies of other libraries have some hundreds, of 39 nodes 614."""

MAX_NAME_BYTES = 4096
"""Of a name of a value, a node or an operator."""

MAX_METADATA_BYTES = 8 << 20
"""What a file says of itself. As Python's objects it takes up to thirty times as much memory."""

Values = dict[str, Any]
"""What a message holds by the names of its fields."""


class MessageReader:
    """Reads messages of one file, which share a budget."""

    def __init__(self, name: str) -> None:
        """`name` is what to call the file in errors."""
        self._name = name
        self._budget = Budget(MAX_FIELDS)

    def read(self, data: memoryview, message: Schema) -> Values:
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
                self.read(value, schema.ENTRY)  # Left out, but a message all the same.
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
            self.refuse(
                f"{message.name} has the field {number}, which is none that a policy may use. "
                "Export it again, for IR version 10 or older."
            )
        if field.name == "functions":
            self.refuse(f"expected plain operators, found functions. {field.advice}")
        self.refuse(f"{message.name} has {field.name}, which no policy may use. {field.advice}")

    def refuse(self, sentence: str) -> Never:
        """Raise `InputRefused` with the file's name in front."""
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
