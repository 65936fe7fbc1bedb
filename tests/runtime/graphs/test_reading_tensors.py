"""Types, versions, texts and tensors: what they hold is what they say."""

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from lander_runtime import InputRefused, Policy
from lander_runtime.graphs import protobuf, reading, schema
from lander_runtime.graphs.reading import read_model
from onnx_bytes import GRAPH, INITIALIZER, NODE, OUTPUT, TINY, field, rebuilt, varint

Load = Callable[[bytes], Policy]


def model() -> onnx.ModelProto:
    return onnx.load(TINY)


@pytest.mark.parametrize("kind", ["sequence", "map", "optional", "sparse_tensor", "opaque"])
def test_a_value_that_is_no_tensor_is_refused(kind: str, load: Load) -> None:
    number = next(n for n, item in schema.TYPE.fields.items() if item.name == f"{kind}_type")
    for place in (11, 12, 13):
        value = field(place, field(1, b"odd") + field(2, field(number)))
        with pytest.raises(InputRefused, match=rf"^stranger\.onnx: 'odd' is a {kind}; "):
            load(rebuilt(value, *GRAPH))


@pytest.mark.parametrize("element", [0, 14, 15, 23, 24, 99, -1])
def test_an_element_type_that_no_policy_has_is_refused(element: int, load: Load) -> None:
    odd = protobuf.integer(2, element) + field(8, b"odd")
    with pytest.raises(InputRefused, match=rf"the tensor 'odd' has the element type {element},"):
        load(rebuilt(field(5, odd), *GRAPH))
    value = field(13, field(1, b"odd") + field(2, field(1, protobuf.integer(1, element))))
    with pytest.raises(InputRefused, match=rf"'odd' has the element type {element},"):
        load(rebuilt(value, *GRAPH))


def test_a_dimension_has_a_size_or_a_name(load: Load) -> None:
    dims = field(2, field(1, protobuf.integer(1, 3) + field(2, b"n")))
    value = field(13, field(1, b"odd") + field(2, field(1, protobuf.integer(1, 1) + dims)))
    with pytest.raises(InputRefused, match="a size and a name"):
        load(rebuilt(value, *GRAPH))


@pytest.mark.parametrize(
    "opsets", [[], [("", 18), ("", 17)], [("", 18), ("ai.onnx", 17)], [("ai.onnx.ml", 3)]]
)
def test_the_version_of_the_operators_is_one(opsets: list[tuple[str, int]], load: Load) -> None:
    changed = model()
    del changed.opset_import[:]
    changed.opset_import.extend(helper.make_opsetid(*opset) for opset in opsets)
    with pytest.raises(InputRefused, match="expected one opset of ONNX itself"):
        load(changed.SerializeToString())


def test_versions_of_operators_that_are_not_used_are_left_out(load: Load) -> None:
    changed = model()
    changed.opset_import[0].domain = "ai.onnx"
    changed.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    changed.graph.node[0].domain = "ai.onnx"
    assert load(changed.SerializeToString()).self_test() <= 1e-5
    again = onnx.load_model_from_string(read_model(changed.SerializeToString(), "x").to_bytes())
    assert [(item.domain, item.version) for item in again.opset_import] == [("", 18)]


def changed_tensor(change: Callable[[TensorProto], object]) -> bytes:
    """The tiny policy with its head's bias, four floats, changed."""
    changed = model()
    change(next(item for item in changed.graph.initializer if item.name == "head.bias"))
    return changed.SerializeToString()


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.dims.append(2),
        lambda tensor: tensor.dims.append(0),
        lambda tensor: tensor.dims.extend([-1, -1]),
        lambda tensor: tensor.dims.extend([2**62] * 3),
        lambda tensor: tensor.dims.extend([1] * 50_000),
        lambda tensor: tensor.ClearField("raw_data"),
        lambda tensor: setattr(tensor, "raw_data", bytes(15)),
        lambda tensor: setattr(tensor, "data_type", TensorProto.DOUBLE),
    ],
)
def test_a_tensor_is_as_large_as_it_says(change: Callable[[TensorProto], object], load: Load) -> None:
    with pytest.raises(InputRefused, match=r"the tensor 'head\.bias' does not hold as many elements"):
        load(changed_tensor(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.float_data.append(1.0),
        lambda tensor: tensor.string_data.append(b"x"),
        lambda tensor: tensor.external_data.add(key="location", value="x"),
        lambda tensor: setattr(tensor, "data_location", TensorProto.EXTERNAL),
        lambda tensor: (tensor.ClearField("raw_data"), tensor.int64_data.append(1)),
        lambda tensor: setattr(tensor, "data_type", TensorProto.STRING),
    ],
)
def test_numbers_are_in_one_place(change: Callable[[TensorProto], object], load: Load) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: not an ONNX file \(the tensor 'head\.bias'"):
        load(changed_tensor(change))


@pytest.mark.parametrize(
    ("element", "number", "value"),
    [
        (TensorProto.UINT8, 5, 256),
        (TensorProto.UINT8, 5, -1),
        (TensorProto.INT8, 5, 128),
        (TensorProto.BOOL, 5, 2),
        (TensorProto.INT32, 5, 2**31),
        (TensorProto.INT32, 5, 2**32),  # Zero to a reader that keeps 32 bits.
        (TensorProto.FLOAT16, 5, 2**16),
        (TensorProto.UINT32, 11, 2**32),
    ],
)
def test_a_number_that_does_not_fit_is_refused(element: int, number: int, value: int, load: Load) -> None:
    content = protobuf.integer(2, element) + field(8, b"odd") + field(number, varint(value))
    with pytest.raises(InputRefused, match="the tensor 'odd' has a number that does not fit"):
        load(rebuilt(field(5, content), *GRAPH))


def test_integers_are_counted_in_all_tensors_together(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte of the file may become eight in memory."""
    monkeypatch.setattr(reading, "MAX_INTEGERS", 100)
    few, many = (protobuf.integer(2, TensorProto.INT64) + field(7, bytes(size)) for size in (50, 51))
    with pytest.raises(InputRefused, match="does not hold as many elements"):
        load(rebuilt(field(5, few), *GRAPH))
    with pytest.raises(InputRefused, match="more integers outside raw_data"):
        load(rebuilt(field(5, few) + field(5, many), *GRAPH))


def test_two_initialisers_of_one_name_are_refused(load: Load) -> None:
    changed = model()
    changed.graph.initializer.add().CopyFrom(changed.graph.initializer[0])
    with pytest.raises(InputRefused, match=r"one initialiser 'hidden\.weight', found several"):
        load(changed.SerializeToString())


@pytest.mark.parametrize(
    ("number", "path"), [(2, GRAPH), (1, NODE), (2, NODE), (7, NODE), (8, INITIALIZER), (1, OUTPUT)]
)
def test_text_that_is_not_utf8_is_refused_where_it_is_kept(
    number: int, path: tuple[int, ...], load: Load
) -> None:
    outer, extra = path[:-1], field(path[-1], field(number, b"a\xff"))
    with pytest.raises(InputRefused, match="is not UTF-8 text"):
        load(
            rebuilt(extra, *outer) if path != GRAPH else TINY.read_bytes().replace(b"policy", b"poli\xffy", 1)
        )


def test_long_and_odd_names_are_cut_and_escaped(load: Load) -> None:
    for name in ("x" * 100_000, "\x1b[31mred", "line\nbreak", "\u202eright to left", "\x9b2J"):
        node = field(1, field(4, name.encode()) + field(7, name.encode()))
        value = field(12, field(1, name.encode()) + field(2, field(4)))
        for extra in (node, value, field(1, field(4, name.encode()))):
            with pytest.raises(InputRefused) as error:
                load(rebuilt(extra, *GRAPH))
            assert str(error.value).isprintable()
            assert len(str(error.value)) < 400
