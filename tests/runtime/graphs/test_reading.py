"""Files that two readers would read differently, or with fields that are not on the list."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused, Policy
from lander_runtime.graphs import messages, protobuf
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import check_structure
from onnx_bytes import GRAPH, INITIALIZER, NODE, OUTPUT, TINY, field, overlong, rebuilt, varint

Load = Callable[[bytes], Policy]


def model() -> onnx.ModelProto:
    return onnx.load(TINY)


def test_rebuilt_as_it_is_it_is_the_same_policy(load: Load) -> None:
    for path in ((), GRAPH, NODE, INITIALIZER, OUTPUT):
        assert rebuilt(b"", *path) == TINY.read_bytes()
    assert load(rebuilt(b"")).self_test() <= 1e-5


# Tags that one reader cuts to 32 bits and another does not


def hidden(number: int, content: bytes, bits: int = 32) -> bytes:
    """A field whose tag has another bit set: unknown to some readers, and to ONNX Runtime's the field."""
    return varint((number << 3 | protobuf.BYTES) + (1 << bits)) + varint(len(content)) + content


def loop() -> onnx.NodeProto:
    """Adds one to `start` a thousand times."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["v_in", "step"], ["v_out"]),
            helper.make_node("Identity", ["c"], ["c_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v_in", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("c_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v_out", TensorProto.FLOAT, []),
        ],
        [numpy_helper.from_array(np.float32(1), "step")],
    )
    return helper.make_node("Loop", ["trips", "go", "start"], ["result"], body=body)


def with_node_before_logits(node: onnx.NodeProto, constants: dict[str, Any]) -> onnx.ModelProto:
    """The tiny policy, whose logits are what they are plus nothing times `result` of `node`."""
    changed = model()
    head = next(item for item in changed.graph.node if "logits" in item.output)
    head.output[0] = "before"
    at = list(changed.graph.node).index(head) + 1
    for item in (
        helper.make_node("Add", ["before", "zero"], ["logits"]),
        helper.make_node("Mul", ["result", "nothing"], ["zero"]),
        node,
    ):
        changed.graph.node.insert(at, item)
    for name, value in {**constants, "nothing": np.float32(0)}.items():
        changed.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return changed


LOOP_INPUTS = {"trips": np.int64(1000), "go": np.bool_(True), "start": np.float32(0)}
HIDING = {
    "loop": with_node_before_logits(loop(), LOOP_INPUTS),
    "random": with_node_before_logits(
        helper.make_node("RandomUniform", [], ["result"], shape=[1], seed=1.0), {}
    ),
    "foreign": with_node_before_logits(
        helper.make_node("Gelu", ["before"], ["result"], domain="com.microsoft"), {}
    ),
}


@pytest.mark.parametrize("name", sorted(HIDING))
@pytest.mark.parametrize("bits", [32, 35, 63])
def test_a_graph_under_a_tag_of_more_than_32_bits_is_refused(name: str, bits: int, load: Load) -> None:
    """ONNX Runtime would take bit 32 for nothing and run the graph."""
    changed = HIDING[name]
    graph = changed.graph.SerializeToString()
    rest = onnx.ModelProto()
    rest.CopyFrom(changed)
    rest.ClearField("graph")
    for data in (
        rest.SerializeToString() + hidden(7, graph, bits),
        TINY.read_bytes() + hidden(7, graph, bits),
    ):
        with pytest.raises(InputRefused, match=r"^stranger\.onnx: not an ONNX file \(the field number"):
            load(data)


@pytest.mark.parametrize("path", [(), GRAPH, NODE, INITIALIZER, OUTPUT], ids=str)
@pytest.mark.parametrize("number", [1, 5, 6, 7, 15, 20, 25])
def test_hidden_fields_are_refused_in_any_message(path: tuple[int, ...], number: int, load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: not an ONNX file"):
        load(rebuilt(hidden(number, b""), *path))


# Numbers in another spelling, groups, lengths, wire types


@pytest.mark.parametrize(
    "extra",
    [
        overlong(6 << 3 | 2) + b"\0",  # A doc_string whose tag is too long,
        b"\x32" + overlong(1) + b"x",  # whose length is,
        b"\x33\x34",  # as a group,
        b"\x32\x05abc",  # beyond the end,
        b"\x32" + varint(-1),
        b"\x30\x01",  # and as a number.
        b"\x28" + overlong(3),  # model_version.
        b"\x2a\x01x",
        b"\x28" + b"\xff" * 10 + b"\x01",
        b"\x32\x80",
        b"\x3a",
    ],
    ids=bytes.hex,
)
def test_what_is_not_the_one_way_to_write_it_is_refused(extra: bytes, load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: not an ONNX file \("):
        load(rebuilt(extra))


@pytest.mark.parametrize("path", [GRAPH, NODE, INITIALIZER, OUTPUT], ids=str)
@pytest.mark.parametrize(
    "extra", [b"\x13\x14", b"\x0f", b"\x12\x7f", b"\x80", b"\x88\x80\x00\x01"], ids=bytes.hex
)
def test_nor_further_inside(path: tuple[int, ...], extra: bytes, load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: not an ONNX file \("):
        load(rebuilt(extra, *path))


# Fields that are there twice


@pytest.mark.parametrize(
    ("extra", "path", "name"),
    [
        (protobuf.integer(1, 8), (), "ir_version"),
        (field(7), (), "graph"),
        (field(7, model().graph.SerializeToString()), (), "graph"),
        (field(2, b"other"), GRAPH, "name"),
        (field(4, b"Relu"), NODE, "op_type"),
        (field(8, b"other"), INITIALIZER, "name"),
        (field(9, b"other"), INITIALIZER, "raw_data"),
        (protobuf.integer(2, 1), INITIALIZER, "data_type"),
        (field(1, b"other"), OUTPUT, "name"),
        (field(2, b""), OUTPUT, "type"),
        (field(2, b"other"), (), "producer_name"),
    ],
)
def test_what_is_there_twice_is_refused_by_name(
    extra: bytes, path: tuple[int, ...], name: str, load: Load
) -> None:
    """Readers take the first, the last, or merge them."""
    with pytest.raises(
        InputRefused, match=rf"^stranger\.onnx: not an ONNX file \(\w+\.{name} is there twice"
    ):
        load(rebuilt(extra, *path))


def test_two_entries_of_metadata_are_refused(load: Load) -> None:
    twice = model()
    twice.metadata_props.add(key="lander.policy", value="{}")
    with pytest.raises(InputRefused, match=r"one entry 'lander\.policy', found 2"):
        load(twice.SerializeToString())


def test_two_attributes_of_one_name_are_refused(load: Load) -> None:
    twice = model()
    node = next(item for item in twice.graph.node if item.attribute)
    node.attribute.add().CopyFrom(node.attribute[0])
    with pytest.raises(InputRefused, match="two attributes"):
        load(twice.SerializeToString())


# Fields that are not known, or not allowed


@pytest.mark.parametrize("path", [(), GRAPH, NODE, INITIALIZER, OUTPUT], ids=str)
@pytest.mark.parametrize("extra", [field(99, b"x"), protobuf.integer(2**29 - 1, 0)], ids=bytes.hex)
def test_an_unknown_field_is_refused_by_its_number(path: tuple[int, ...], extra: bytes, load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: \w+ has the field (99|536870911)"):
        load(rebuilt(extra, *path))


@pytest.mark.parametrize(
    ("number", "path", "name"),
    [
        (20, (), "training_info"),
        (25, (), "functions"),
        (26, (), "configuration"),
        (14, GRAPH, "quantization_annotation"),
        (15, GRAPH, "sparse_initializer"),
        (10, NODE, "device_configurations"),
        (3, INITIALIZER, "segment"),
    ],
)
def test_what_no_policy_may_use_is_refused_by_name(
    number: int, path: tuple[int, ...], name: str, load: Load
) -> None:
    with pytest.raises(InputRefused, match=rf"^stranger\.onnx: .*{name}.*\. [A-Z]"):
        load(rebuilt(field(number), *path))


def test_an_overload_is_refused_and_an_empty_one_is_none(load: Load) -> None:
    load(rebuilt(field(8), *NODE))
    with pytest.raises(InputRefused, match="overload"):
        load(rebuilt(field(8, b"x"), *NODE))


def with_attribute(**entries: Any) -> bytes:
    changed = model()
    changed.graph.node[0].attribute.append(onnx.AttributeProto(name="odd", **entries))
    return changed.SerializeToString()


@pytest.mark.parametrize(
    "entries",
    [
        {"type": onnx.AttributeProto.GRAPH, "g": onnx.GraphProto()},
        {"type": onnx.AttributeProto.GRAPHS, "graphs": [onnx.GraphProto()]},
        {"type": onnx.AttributeProto.TENSORS, "tensors": [onnx.TensorProto()]},
        {"type": onnx.AttributeProto.SPARSE_TENSOR, "sparse_tensor": onnx.SparseTensorProto()},
        {"type": onnx.AttributeProto.SPARSE_TENSORS},
        {"type": onnx.AttributeProto.TYPE_PROTO, "tp": onnx.TypeProto()},
        {"type": onnx.AttributeProto.TYPE_PROTOS, "type_protos": [onnx.TypeProto()]},
    ],
    ids=str,
)
def test_attributes_that_hold_more_than_values_are_refused(entries: dict[str, Any], load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: an attribute of Gemm is of the type [A-Z_]+,"):
        load(with_attribute(**entries))


@pytest.mark.parametrize(
    "entries",
    [
        {"type": onnx.AttributeProto.INT, "f": 1.0},
        {"type": onnx.AttributeProto.INT, "i": 1, "g": onnx.GraphProto()},
        {"type": onnx.AttributeProto.TENSOR, "i": 1},
        {"i": 1},
        {"type": onnx.AttributeProto.INT, "i": 1, "ref_attr_name": "other"},
    ],
    ids=str,
)
def test_an_attribute_is_of_one_type(entries: dict[str, Any], load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
        load(with_attribute(**entries))


def test_a_type_that_onnx_does_not_have_is_refused(load: Load) -> None:
    attribute = field(5, field(1, b"odd") + protobuf.integer(20, 77))
    with pytest.raises(InputRefused, match=r"the attribute 'odd' has the type 77"):
        load(rebuilt(attribute, *NODE))


def test_what_is_nested_without_end_is_not_looked_into() -> None:
    """Graphs in attributes and types in types may hold their own kind: neither is read at all."""
    inside = b""
    for _ in range(3000):
        inside = field(1, field(5, field(6, inside)))
    node = field(4, b"If") + field(5, field(1, b"then_branch") + field(6, inside) + protobuf.integer(20, 5))
    read = read_model(rebuilt(field(1, node), *GRAPH), "deep.onnx")
    assert read.graph.nodes[-1].attributes[0].value is None
    with pytest.raises(InputRefused, match="the operator If"):
        check_structure(read, "deep.onnx")
    kind = b""
    for _ in range(3000):
        kind = field(4, field(1, kind))
    with pytest.raises(InputRefused, match="'deep' is a sequence"):
        check_structure(
            read_model(rebuilt(field(12, field(1, b"deep") + field(2, kind)), *GRAPH), "deep.onnx"),
            "deep.onnx",
        )


def test_fields_are_counted_in_all_messages_together(load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: not an ONNX file \(it has more fields"):
        load(rebuilt(field(1) * (messages.MAX_FIELDS + 1), *GRAPH))
    with pytest.raises(InputRefused, match="more fields"):
        many = bytes(messages.MAX_FIELDS)
        load(rebuilt(field(7, many) + field(1, many), *INITIALIZER))
