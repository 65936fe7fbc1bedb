"""What is written from a parse is the model that the onnx package reads, and computes the same to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lander_runtime.graphs import protobuf, schema
from lander_runtime.graphs.model import METADATA_KEY
from onnx_bytes import varint, written
from onnx_reference import CHILDREN, as_onnx_reads_it, rewritten

ROOT = Path(__file__).parents[3]
FILES = sorted([*(ROOT / "tests" / "data").glob("*.onnx"), *(ROOT / "models").glob("*/*.onnx")])
IN_ONE_PIECE = [path for path in FILES if not path.with_name(f"{path.name}.data").exists()]


PROPERTY = settings(settings.get_profile("lander"))


def outputs(model: bytes, feeds: dict[str, Any]) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def assert_same(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


# The files at hand


@pytest.mark.parametrize("path", IN_ONE_PIECE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_is_the_same_model_and_computes_the_same(path: Path) -> None:
    content = path.read_bytes()
    again = rewritten(content)
    assert again == as_onnx_reads_it(content)
    assert rewritten(again) == again
    onnx.checker.check_model(onnx.load_model_from_string(again), full_check=True)
    [entry] = onnx.load_model_from_string(content).graph.input
    shape = [dim.dim_value or 3 for dim in entry.type.tensor_type.shape.dim]
    dtype = helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type)
    for seed in range(5):
        obs = (np.random.default_rng(seed).standard_normal(shape) * 10).astype(dtype)
        assert_same(outputs(again, {entry.name: obs}), outputs(content, {entry.name: obs}))


# Small models of all that may be written


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ELEMENTS = sorted(
    number for number in (*range(1, 14), *range(16, 23)) if number in TensorProto.DataType.values()
)


@st.composite
def tensors(draw: st.DrawFn, name: str = "tensor") -> TensorProto:
    """Of any element type, in `raw_data` or written out."""
    element = draw(st.sampled_from(ELEMENTS))
    dims = draw(st.lists(st.integers(0, 4), max_size=3))
    size = int(np.prod(dims, dtype=int))
    tensor = TensorProto(name=name, data_type=element, dims=dims)
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    if element == TensorProto.STRING:
        tensor.string_data.extend([draw(st.binary(max_size=5)) for _ in range(size)])
        return tensor
    bits = {21: 4, 22: 4}.get(element) or helper.tensor_dtype_to_np_dtype(element).itemsize * 8
    raw = generator.bytes(-(-size * bits // 8))
    if element == TensorProto.BOOL:
        raw = bytes(byte & 1 for byte in raw)
    if draw(st.booleans()):
        tensor.raw_data = raw
        return tensor
    match element:
        case TensorProto.FLOAT:
            tensor.float_data.extend(np.nan_to_num(np.frombuffer(raw, "<f4")).tolist())
        case TensorProto.DOUBLE:
            tensor.double_data.extend(np.nan_to_num(np.frombuffer(raw, "<f8")).tolist())
        case TensorProto.INT64:
            tensor.int64_data.extend(np.frombuffer(raw, "<i8").tolist())
        case TensorProto.UINT32 | TensorProto.UINT64:
            tensor.uint64_data.extend(np.frombuffer(raw, "<u4" if bits == 32 else "<u8").tolist())
        case _:
            signed = element in (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32)
            width = max(bits, 8) // 8
            tensor.int32_data.extend(np.frombuffer(raw, f"<{'i' if signed else 'u'}{width}").tolist())
    return tensor


FLOATS = st.floats(width=32, allow_nan=False)
INTS = st.integers(-(2**63), 2**63 - 1)


@st.composite
def attributes(draw: st.DrawFn, name: str) -> onnx.AttributeProto:
    kind = draw(st.sampled_from(["FLOAT", "INT", "STRING", "TENSOR", "FLOATS", "INTS", "STRINGS"]))
    values: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
        "FLOAT": ("f", FLOATS),
        "INT": ("i", INTS),
        "STRING": ("s", st.binary(max_size=6)),
        "TENSOR": ("t", tensors()),
        "FLOATS": ("floats", st.lists(FLOATS, max_size=4)),
        "INTS": ("ints", st.lists(INTS, max_size=4)),
        "STRINGS": ("strings", st.lists(st.binary(max_size=6), max_size=3)),
    }
    field, strategy = values[kind]
    attribute = onnx.AttributeProto(name=name, type=kind, **{field: draw(strategy)})
    if draw(st.booleans()):
        attribute.doc_string = draw(TEXT)
    return attribute


@st.composite
def values(draw: st.DrawFn) -> onnx.ValueInfoProto:
    size = st.none() | st.integers(-1, 2**40) | TEXT
    shape = draw(st.none() | st.lists(size, max_size=3))
    value = helper.make_tensor_value_info(draw(TEXT), draw(st.sampled_from(ELEMENTS)), shape, draw(TEXT))
    if draw(st.booleans()):
        value.metadata_props.add(key=draw(TEXT), value=draw(TEXT))
        value.type.denotation = draw(TEXT)
    return value


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    """Right in form and mostly without sense: what any of it means is ONNX Runtime's business."""
    nodes = []
    for _ in range(draw(st.integers(0, 3))):
        node = onnx.NodeProto(
            op_type=draw(st.sampled_from(["Add", "Gemm", "LSTM", "QuantizeLinear", "Constant"])),
            input=draw(st.lists(TEXT, max_size=3)),
            output=draw(st.lists(TEXT, max_size=3)),
            name=draw(TEXT),
            domain=draw(st.sampled_from(["", "ai.onnx"])),
            doc_string=draw(TEXT),
        )
        for number in range(draw(st.integers(0, 2))):
            node.attribute.append(draw(attributes(f"a{number}")))
        node.metadata_props.add(key=draw(TEXT), value=draw(TEXT))
        nodes.append(node)
    graph = helper.make_graph(
        nodes,
        draw(TEXT),
        draw(st.lists(values(), max_size=2)),
        draw(st.lists(values(), max_size=2)),
        [draw(tensors(f"t{number}")) for number in range(draw(st.integers(0, 3)))],
        value_info=draw(st.lists(values(), max_size=2)),
    )
    model = helper.make_model(
        graph,
        ir_version=draw(st.integers(3, 13)),
        opset_imports=[helper.make_opsetid("", draw(st.integers(1, 25)))],
    )
    model.metadata_props.add(key=draw(TEXT), value=draw(TEXT))
    if draw(st.booleans()):
        model.metadata_props.add(key=METADATA_KEY, value=draw(TEXT))
    return model


@PROPERTY
@given(models())
def test_any_model_is_the_one_that_onnx_reads(model: onnx.ModelProto) -> None:
    content = model.SerializeToString()
    assert rewritten(content) == as_onnx_reads_it(content)


@PROPERTY
@given(models())
def test_packed_or_one_by_one_it_is_the_same(model: onnx.ModelProto) -> None:
    """Writers choose the one or the other for repeated numbers; every reader takes both."""
    content = model.SerializeToString()
    assert rewritten(turned(content, schema.MODEL)) == rewritten(content)


NUMBERS = {"int": protobuf.VARINT, "numbers": protobuf.VARINT, "float": 5, "double": 1}


def turned(data: bytes, message: schema.Schema) -> bytes:
    """Packed what was written one by one, and the other way round."""
    out, packed = b"", {}
    for number, wire, value in protobuf.fields(memoryview(data), protobuf.Budget(100_000)):
        field = message.fields[number]
        child = CHILDREN.get((message.name, field.name))
        if field.repeated and field.kind in NUMBERS and wire == protobuf.BYTES:
            assert not isinstance(value, int)
            out += b"".join(
                varint(number << 3 | NUMBERS[field.kind]) + one for one in split(value, field.kind)
            )
        elif field.repeated and field.kind in NUMBERS:
            packed[number] = packed.get(number, b"") + (
                varint(value) if isinstance(value, int) else bytes(value)
            )
        elif child is not None and not isinstance(value, int):
            out += b"".join(protobuf.content(number, turned(bytes(value), child)))
        else:
            out += written(number, wire, value)
    return out + b"".join(b"".join(protobuf.content(number, all_)) for number, all_ in packed.items())


def split(packed: memoryview, kind: str) -> list[bytes]:
    if kind in ("int", "numbers"):
        return [varint(value) for value in protobuf.varints(packed, protobuf.Budget(100_000))]
    width = 4 if kind == "float" else 8
    return [bytes(packed[start : start + width]) for start in range(0, len(packed), width)]


@st.composite
def networks(draw: st.DrawFn) -> onnx.ModelProto:
    """Layers that ONNX Runtime can run, with weights in any form."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    nodes, weights, width, last = [], [], 4, "obs"
    for number in range(draw(st.integers(1, 4))):
        wide = draw(st.integers(1, 5))
        matrix = generator.standard_normal((width, wide)).astype(np.float32)
        bias = generator.standard_normal(wide).astype(np.float32)
        for name, array in ((f"w{number}", matrix), (f"b{number}", bias)):
            if draw(st.booleans()):
                weights.append(numpy_helper.from_array(array, name))
            else:
                weights.append(
                    helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel().tolist())
                )
        nodes.append(
            helper.make_node("Gemm", [last, f"w{number}", f"b{number}"], [f"s{number}"], f"gemm {number}")
        )
        activation = draw(st.sampled_from(["Relu", "Tanh", "Elu", "Softmax", "LeakyRelu", "Identity"]))
        settings = {"alpha": 0.3} if activation in ("Elu", "LeakyRelu") else {}
        nodes.append(helper.make_node(activation, [f"s{number}"], [f"h{number}"], **settings))
        width, last = wide, f"h{number}"
    nodes += [
        helper.make_node("Constant", [], ["one"], value_ints=[1]),
        helper.make_node("TopK", [last, "one"], ["best", "index"], axis=-1),
        helper.make_node("Cast", ["index"], ["as_floats"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", 4])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in (last, "best", "as_floats")
        ],
        weights,
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


@PROPERTY
@given(networks())
def test_any_network_computes_the_same_to_the_bit(model: onnx.ModelProto) -> None:
    content = model.SerializeToString()
    obs = np.random.default_rng(1).standard_normal((7, 4)).astype(np.float32)
    assert_same(outputs(rewritten(content), {"obs": obs}), outputs(content, {"obs": obs}))
