"""The onnx package's reading of a file, in the form in which ours is written, to compare the two."""

from collections.abc import Callable
from typing import Any

import onnx
from onnx import TensorProto, numpy_helper

from lander_runtime.graphs import schema
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import check_structure

CHILDREN = {
    ("ModelProto", "graph"): schema.GRAPH,
    ("ModelProto", "opset_import"): schema.OPERATOR_SET,
    ("ModelProto", "metadata_props"): schema.ENTRY,
    ("GraphProto", "node"): schema.NODE,
    ("GraphProto", "initializer"): schema.TENSOR,
    **dict.fromkeys([("GraphProto", name) for name in ("input", "output", "value_info")], schema.VALUE),
    ("NodeProto", "attribute"): schema.ATTRIBUTE,
    ("AttributeProto", "t"): schema.TENSOR,
    ("ValueInfoProto", "type"): schema.TYPE,
    ("TypeProto", "tensor_type"): schema.TENSOR_TYPE,
    ("TypeProto.Tensor", "shape"): schema.SHAPE,
    ("TensorShapeProto", "dim"): schema.DIMENSION,
}
"""The messages inside messages, by the name of a message and of its field."""


def rewritten(data: bytes) -> bytes:
    model = read_model(data, "it.onnx")
    check_structure(model, "it.onnx")
    return model.to_bytes()


def as_onnx_reads_it(data: bytes) -> bytes:
    """The onnx package's parse without what docs/policy-file.md lists as left out, tensors in `raw_data`."""
    model = onnx.load_model_from_string(data)
    for field in ("producer_name", "producer_version", "domain", "model_version", "doc_string"):
        model.ClearField(field)
    keep([*model.metadata_props], model.metadata_props, lambda entry: entry.key == METADATA_KEY)
    for entry in model.metadata_props:
        entry.value = entry.value  # What is left out is empty, and written.
    keep([*model.opset_import], model.opset_import, lambda item: item.domain in ("", "ai.onnx"))
    model.opset_import[0].ClearField("domain")
    graph = model.graph
    clear(graph)
    for node in graph.node:
        clear(node)
        node.ClearField("overload")
        if node.domain in ("", "ai.onnx"):
            node.ClearField("domain")
        for attribute in node.attribute:
            clear(attribute)
            attribute.ClearField("ref_attr_name")
            set_zeros(attribute)
            if attribute.type == onnx.AttributeProto.TENSOR:
                make_raw(attribute.t)
    for tensor in graph.initializer:
        make_raw(tensor)
    for value in (*graph.input, *graph.output, *graph.value_info):
        clear(value)
        value.name = value.name
        if value.HasField("type"):
            value.type.ClearField("denotation")
        for dim in value.type.tensor_type.shape.dim if value.HasField("type") else ():
            dim.ClearField("denotation")
            if dim.WhichOneof("value") == "dim_param" and not dim.dim_param:
                dim.ClearField("dim_param")
    return model.SerializeToString(deterministic=True)


def keep(items: list[Any], repeated: Any, wanted: Callable[[Any], bool]) -> None:
    del repeated[:]
    repeated.extend(item for item in items if wanted(item))


def clear(message: Any) -> None:
    message.ClearField("doc_string")
    if "metadata_props" in message.DESCRIPTOR.fields_by_name:
        message.ClearField("metadata_props")
    if "name" in message.DESCRIPTOR.fields_by_name and not message.name:
        message.ClearField("name")


def set_zeros(attribute: onnx.AttributeProto) -> None:
    """Zeros that are not written out, and names that are empty, stand for themselves."""
    attribute.name = attribute.name
    for kind, field in (("INT", "i"), ("FLOAT", "f"), ("STRING", "s")):
        if attribute.type == getattr(onnx.AttributeProto, kind):
            setattr(attribute, field, getattr(attribute, field))


def make_raw(tensor: TensorProto) -> None:
    clear(tensor)
    tensor.ClearField("data_location")
    if tensor.data_type == TensorProto.STRING:
        return
    raw = numpy_helper.to_array(tensor).tobytes()
    if tensor.HasField("raw_data"):
        raw = tensor.raw_data
    elif tensor.data_type in (TensorProto.INT4, TensorProto.UINT4):
        raw = bytes(tensor.int32_data)
    for field in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
        tensor.ClearField(field)
    tensor.raw_data = raw
