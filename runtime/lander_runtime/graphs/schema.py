"""The messages of an ONNX file, field by field: what a policy may hold, what is left out, what is refused.

From onnx.proto of onnx 1.23.2 (IR version 14). docs/policy-file.md says the same in words. A field that is
not in these tables is refused, so that nothing runs which this package does not know.

    keep     goes into the parse and is written again
    drop     is for people or for other tools, and decides nothing that runs
    note     that it is there is kept and what it holds is not: a graph with it is refused when it is opened
    empty    may be there with nothing in it
    refuse   is refused by name
"""

from dataclasses import dataclass
from typing import Literal

from lander_runtime.graphs.protobuf import BYTES, FIXED32, FIXED64, VARINT

Kind = Literal["int", "numbers", "float", "double", "text", "bytes", "message"]
"""`numbers` are integers of which there may be millions."""

Handling = Literal["keep", "drop", "note", "empty", "refuse"]

WIRE_TYPES: dict[Kind, int] = {
    "int": VARINT,
    "numbers": VARINT,
    "float": FIXED32,
    "double": FIXED64,
    "text": BYTES,
    "bytes": BYTES,
    "message": BYTES,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    name: str
    kind: Kind
    repeated: bool = False
    handling: Handling = "keep"
    advice: str = "Export the plain network, for inference."
    """What to do where it is refused."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A message: its name and its fields by their numbers."""

    name: str
    fields: dict[int, Field]


def _many(name: str, kind: Kind = "message", handling: Handling = "keep") -> Field:
    return Field(name, kind, repeated=True, handling=handling)


def _dropped(name: str, kind: Kind = "text") -> Field:
    return Field(name, kind, handling="drop")


_DOC = _dropped("doc_string")
_PROPERTIES = _many("metadata_props", handling="drop")
_FUNCTIONS = Field(
    "functions",
    "message",
    repeated=True,
    handling="refuse",
    advice="Inline them with onnx.inliner.inline_local_functions.",
)

MODEL = Schema(
    "ModelProto",
    {
        1: Field("ir_version", "int"),
        2: _dropped("producer_name"),
        3: _dropped("producer_version"),
        4: _dropped("domain"),
        5: _dropped("model_version", "int"),
        6: _DOC,
        7: Field("graph", "message"),
        8: _many("opset_import"),
        14: _many("metadata_props"),
        20: _many("training_info", handling="refuse"),
        25: _FUNCTIONS,
        26: _many("configuration", handling="refuse"),
    },
)

OPERATOR_SET = Schema("OperatorSetIdProto", {1: Field("domain", "text"), 2: Field("version", "int")})

ENTRY = Schema("StringStringEntryProto", {1: Field("key", "text"), 2: Field("value", "text")})

GRAPH = Schema(
    "GraphProto",
    {
        1: _many("node"),
        2: Field("name", "text"),
        5: _many("initializer"),
        10: _DOC,
        11: _many("input"),
        12: _many("output"),
        13: _many("value_info"),
        14: _many("quantization_annotation", handling="refuse"),
        15: _many("sparse_initializer", handling="refuse"),
        16: _PROPERTIES,
    },
)

NODE = Schema(
    "NodeProto",
    {
        1: _many("input", "text"),
        2: _many("output", "text"),
        3: Field("name", "text"),
        4: Field("op_type", "text"),
        5: _many("attribute"),
        6: _DOC,
        7: Field("domain", "text"),
        8: Field("overload", "text", handling="empty"),
        9: _PROPERTIES,
        10: _many("device_configurations", handling="refuse"),
    },
)

ATTRIBUTE = Schema(
    "AttributeProto",
    {
        1: Field("name", "text"),
        2: Field("f", "float"),
        3: Field("i", "int"),
        4: Field("s", "bytes"),
        5: Field("t", "message"),
        6: Field("g", "message", handling="note"),
        7: _many("floats", "float"),
        8: _many("ints", "int"),
        9: _many("strings", "bytes"),
        10: _many("tensors", handling="note"),
        11: _many("graphs", handling="note"),
        13: _DOC,
        14: Field("tp", "message", handling="note"),
        15: _many("type_protos", handling="note"),
        20: Field("type", "int"),
        21: Field("ref_attr_name", "text", handling="empty"),
        22: Field("sparse_tensor", "message", handling="note"),
        23: _many("sparse_tensors", handling="note"),
    },
)

ATTRIBUTE_VALUES = {
    "FLOAT": "f", "INT": "i", "STRING": "s", "TENSOR": "t", "GRAPH": "g", "TYPE_PROTO": "tp",
    "FLOATS": "floats", "INTS": "ints", "STRINGS": "strings", "TENSORS": "tensors", "GRAPHS": "graphs",
    "SPARSE_TENSOR": "sparse_tensor", "SPARSE_TENSORS": "sparse_tensors", "TYPE_PROTOS": "type_protos",
}  # fmt: skip
"""Where an attribute has its value, by its AttributeProto.AttributeType."""

TENSOR = Schema(
    "TensorProto",
    {
        1: _many("dims", "int"),
        2: Field("data_type", "int"),
        3: Field("segment", "message", handling="refuse"),
        4: _many("float_data", "float"),
        5: _many("int32_data", "numbers"),
        6: _many("string_data", "bytes"),
        7: _many("int64_data", "numbers"),
        8: Field("name", "text"),
        9: Field("raw_data", "bytes"),
        10: _many("double_data", "double"),
        11: _many("uint64_data", "numbers"),
        12: _DOC,
        13: _many("external_data"),
        14: Field("data_location", "int"),
        16: _PROPERTIES,
    },
)

VALUE = Schema(
    "ValueInfoProto",
    {1: Field("name", "text"), 2: Field("type", "message"), 3: _DOC, 4: _PROPERTIES},
)

TYPE = Schema(
    "TypeProto",
    {
        1: Field("tensor_type", "message"),
        4: Field("sequence_type", "message", handling="note"),
        5: Field("map_type", "message", handling="note"),
        6: _dropped("denotation"),
        7: Field("opaque_type", "message", handling="note"),
        8: Field("sparse_tensor_type", "message", handling="note"),
        9: Field("optional_type", "message", handling="note"),
    },
)

TENSOR_TYPE = Schema("TypeProto.Tensor", {1: Field("elem_type", "int"), 2: Field("shape", "message")})

SHAPE = Schema("TensorShapeProto", {1: _many("dim")})

DIMENSION = Schema(
    "TensorShapeProto.Dimension",
    {1: Field("dim_value", "int"), 2: Field("dim_param", "text"), 3: _dropped("denotation")},
)
