"""What a graph would take is found before it runs, and shapes are found as ONNX Runtime makes them."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.bounds.bounding import LARGE, USUAL, Walk, check_bounds, declared_shapes
from lander_runtime.graphs.bounds.table import RULES
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import OPERATORS
from lander_runtime.policy.session import open_session

Node = tuple[str, Sequence[str], Sequence[str], dict[str, Any]]


def model_of(nodes: Sequence[Node], constants: dict[str, Any], opset: int = 18, output: str = "out") -> Model:
    """A graph from `obs`, float32 `[batch, 4]`, to `output`, of any type and shape."""
    graph = helper.make_graph(
        [helper.make_node(op, ins, outs, **attributes) for op, ins, outs, attributes in nodes],
        "graph",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", 4])],
        [onnx.ValueInfoProto(name=output)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return read_model(data, "tiny.onnx")


def refused(nodes: Sequence[Node], constants: dict[str, Any] | None = None, **options: Any) -> str:
    """What is said of a graph, which has to be refused within a second and never gets to ONNX Runtime."""
    model = model_of(nodes, constants or {}, **options)
    start = time.perf_counter()
    with pytest.raises(InputRefused) as found:
        check_bounds(model, "tiny.onnx", declared_shapes(model.graph))
    assert time.perf_counter() - start < 1.0
    assert str(found.value).startswith("tiny.onnx: ")
    assert len(str(found.value)) < 400
    return str(found.value)


def test_every_operator_of_the_list_has_a_rule() -> None:
    assert set(RULES) | {"Constant"} == OPERATORS


MANY = np.int64([10**5, 10**5])

TOO_MUCH: dict[str, tuple[list[Node], dict[str, Any]]] = {
    "constant": ([("ConstantOfShape", ["s"], ["out"], {})], {"s": np.int64([10**9])}),
    "constant_of_a_constant": (
        [("Constant", [], ["s"], {"value_ints": [10**5, 10**5]}), ("ConstantOfShape", ["s"], ["out"], {})],
        {},
    ),
    "range": (
        [("Range", ["a", "b", "c"], ["out"], {})],
        {"a": np.int64(0), "b": np.int64(10**9), "c": np.int64(1)},
    ),
    "range_of_floats": (
        [("Range", ["a", "b", "c"], ["out"], {})],
        {"a": np.float32(0), "b": np.float32(1), "c": np.float32(1e-9)},
    ),
    "expand": ([("Expand", ["one", "s"], ["out"], {})], {"one": np.float32(1), "s": MANY}),
    "tile": ([("Tile", ["obs", "s"], ["out"], {})], {"s": MANY}),
    "pad": ([("Pad", ["obs", "s"], ["out"], {})], {"s": np.int64([0, 0, 0, 10**9])}),
    "one_hot": (
        [("OneHot", ["i", "d", "v"], ["out"], {})],
        {"i": np.int64([0, 1]), "d": np.int64(10**9), "v": np.float32([0, 1])},
    ),
    "resize_by_size": (
        [("Resize", ["p", "", "", "s"], ["out"], {})],
        {"p": np.zeros((1, 1, 2, 2), np.float32), "s": np.int64([1, 1, 10**5, 10**5])},
    ),
    "resize_by_scale": (
        [("Resize", ["p", "", "s"], ["out"], {})],
        {"p": np.zeros((1, 1, 2, 2), np.float32), "s": np.float32([1, 1, 1e5, 1e5])},
    ),
    "upsample": (
        [("Upsample", ["p", "s"], ["out"], {})],
        {"p": np.zeros((1, 1, 2, 2), np.float32), "s": np.float32([1, 1, 1e5, 1e5])},
    ),
    "crop": ([("CenterCropPad", ["obs", "s"], ["out"], {})], {"s": MANY}),
    "gather": (
        [("Gather", ["t", "i"], ["out"], {})],
        {"t": np.zeros((1, 10_000), np.float32), "i": np.zeros(5000, np.int64)},
    ),
    "broadcast": (
        [("Add", ["a", "b"], ["c"], {}), ("Mul", ["c", "obs"], ["out"], {})],
        {"a": np.zeros((9000, 1, 1), np.float32), "b": np.zeros((1, 9000, 1), np.float32)},
    ),
    "outer_product": (
        [("MatMul", ["a", "b"], ["out"], {})],
        {"a": np.zeros((90000, 1), np.float32), "b": np.zeros((1, 90000), np.float32)},
    ),
    "concat_doubling": (
        [("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], {"axis": 0}) for i in range(40)]
        + [("Identity", ["t40"], ["out"], {})],
        {"t0": np.zeros(10, np.float32)},
    ),
    "squares_of_sizes": (
        [
            node
            for i in range(8)
            for node in (
                ("Size", [f"t{i}"], [f"n{i}"], {}),
                ("Unsqueeze", [f"n{i}", "zero"], [f"u{i}"], {}),
                ("Concat", [f"u{i}", f"u{i}"], [f"s{i}"], {"axis": 0}),
                ("ConstantOfShape", [f"s{i}"], [f"t{i + 1}"], {}),
            )
        ]
        + [("Identity", ["t8"], ["out"], {})],
        {"t0": np.zeros(4, np.float32), "zero": np.int64([0])},
    ),
    "products": (
        [("MatMul", [f"m{i}", "m0"], [f"m{i + 1}"], {}) for i in range(1000)]
        + [("Add", ["m1000", "one"], ["out"], {})],
        {"m0": np.zeros((1000, 1000), np.float32), "one": np.float32(1)},
    ),
    "a_batch_to_the_eighth_power": (
        [
            ("Shape", ["obs"], ["b"], {"end": 1}),
            ("Concat", ["b"] * 8, ["s"], {"axis": 0}),
            ("Expand", ["one", "s"], ["out"], {}),
        ],
        {"one": np.float32(1)},
    ),
    "one_batch_of_all": (
        [
            ("Shape", ["obs"], ["b"], {"end": 1}),
            ("Equal", ["b", "seven"], ["is"], {}),
            ("Where", ["is", "much", "one"], ["s"], {}),
            ("ConstantOfShape", ["s"], ["out"], {}),
        ],
        {"seven": np.int64([7]), "much": np.int64([10**10]), "one": np.int64([1])},
    ),
    "convolution": (
        [("Reshape", ["obs", "s"], ["p"], {}), ("Conv", ["p", "w"], ["out"], {"pads": [0, 0, 60000, 60000]})],
        {"s": np.int64([-1, 1, 2, 2]), "w": np.zeros((1, 1, 1, 1), np.float32)},
    ),
    "sum_of_one_value_many_times": (
        [("Expand", ["one", "s"], ["m"], {}), ("Sum", ["m"] * 5000, ["out"], {})],
        {"one": np.float32(1), "s": np.int64([1_000_000])},
    ),
    # Found by measuring: each took ten to a thousand times what was counted.
    "different_ones": (
        [("Expand", ["one", "s"], ["m"], {}), ("Unique", ["m"], ["out"], {})],
        {"one": np.float32(1), "s": np.int64([1_000_000])},
    ),
    "small_matrices": (
        [("Expand", ["one", "s"], ["m"], {}), ("MatMul", ["m", "m"], ["out"], {})],
        {"one": np.float32(1), "s": np.int64([10_000_000, 1, 1])},
    ),
    "rows_by_a_vector": (
        [("Expand", ["one", "s"], ["m"], {}), ("MatMul", ["m", "v"], ["out"], {})],
        {"one": np.float32(1), "s": np.int64([10_000_000, 1]), "v": np.ones(1, np.float32)},
    ),
    "many_axes_turned": (
        [
            ("Expand", ["one", "s"], ["m"], {}),
            *(("Transpose", ["m"], [f"o{place}"], {}) for place in range(40)),
            ("Identity", ["o0"], ["out"], {}),
        ],
        {"one": np.float32(1), "s": np.int64([2] * 20)},
    ),
    "pictures_made_smaller": (
        [
            ("Expand", ["one", "s"], ["m"], {}),
            *(
                ("Resize", ["m", "", "", "t"], [f"o{place}"], {"mode": "linear", "antialias": 1})
                for place in range(40)
            ),
            ("Identity", ["o0"], ["out"], {}),
        ],
        {"one": np.float32(1), "s": np.int64([1, 1, 1000, 1000]), "t": np.int64([1, 1, 2, 2])},
    ),
    # Found by the fuzz: ONNX Runtime takes an empty list of axes for none, and drops all of one number.
    "squeezed_by_an_empty_list": (
        [("Squeeze", ["column", "none"], ["row"], {}), ("Add", ["row", "column"], ["out"], {})],
        {"column": np.zeros((20_000, 1), np.float32), "none": np.zeros(0, np.int64)},
    ),
    "einsum": (
        [("Einsum", ["a", "b"], ["out"], {"equation": "ij,kl->i"})],
        {"a": np.zeros((2000, 2000), np.float32), "b": np.zeros((2000, 2000), np.float32)},
    ),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_a_graph_that_would_take_too_much_is_refused_before_it_runs(case: str) -> None:
    nodes, constants = TOO_MUCH[case]
    said = refused(nodes, constants, opset=9 if case == "upsample" else 18)
    assert "a policy" in said or "known" in said


FROM_OBSERVATION: dict[str, Node] = {
    "constant": ("ConstantOfShape", ["n"], ["out"], {}),
    "range": ("Range", ["zero", "first", "step"], ["out"], {}),
    "expand": ("Expand", ["obs", "n"], ["out"], {}),
    "tile": ("Tile", ["obs", "n"], ["out"], {}),
    "pad": ("Pad", ["obs", "n"], ["out"], {}),
    "reshape": ("Reshape", ["obs", "n"], ["out"], {}),
    "one_hot": ("OneHot", ["n", "first", "values"], ["out"], {}),
    "top_k": ("TopK", ["obs", "n"], ["out", "places"], {}),
    "crop": ("CenterCropPad", ["obs", "n"], ["out"], {}),
    # There may be none of these, of which Unique and InstanceNormalization end the process.
    "non_zero": ("NonZero", ["obs"], ["out"], {}),
    "compress": ("Compress", ["n", "some"], ["out"], {"axis": 0}),
    "slice": ("Slice", ["obs", "flat", "n"], ["out"], {}),
}


@pytest.mark.parametrize("case", FROM_OBSERVATION)
def test_a_size_that_is_taken_from_the_observation_is_refused(case: str) -> None:
    nodes: list[Node] = [
        ("Cast", ["obs"], ["whole"], {"to": TensorProto.INT64}),
        ("Reshape", ["whole", "flat"], ["n"], {}),
        ("Gather", ["n", "zero"], ["first"], {}),
        ("Cast", ["n"], ["some"], {"to": TensorProto.BOOL}),
        FROM_OBSERVATION[case],
    ]
    constants = {
        "flat": np.int64([-1]), "zero": np.int64(0), "step": np.int64(1), "values": np.float32([0, 1]),
    }  # fmt: skip
    assert "from what is observed" in refused(nodes, constants)


WHOLE = ("Cast", ["obs"], ["whole"], {"to": TensorProto.INT64})


@pytest.mark.parametrize("operator", ["Div", "Mod"])
@pytest.mark.parametrize("by", ["whole", "zero", "minus", "some"])
def test_whole_numbers_are_divided_by_constants_other_than_0_and_minus_1_only(operator: str, by: str) -> None:
    """The processor ends the process where the smallest number is divided by -1, and any by 0."""
    constants = {"zero": np.int64(0), "minus": np.int64([3, -1]), "some": np.int64([[2], [0]])}
    said = refused([WHOLE, (operator, ["whole", by], ["out"], {})], constants)
    assert "divides whole numbers by" in said


def test_other_divisors_are_fine() -> None:
    model = model_of(
        [WHOLE, ("Div", ["whole", "two"], ["a"], {}), ("Mod", ["a", "two"], ["out"], {})],
        {"two": np.int64(2)},
    )
    found = open_session(model, "tiny.onnx", "cpu").run(["out"], {"obs": np.float32([[7, 6, -3, 2]])})
    np.testing.assert_array_equal(found[0], [[1, 1, 1, 1]])


KILLING: dict[str, tuple[list[Node], dict[str, Any]]] = {
    "conv_stride_0": ([("Conv", ["p", "w"], ["out"], {"strides": [0, 0]})], {}),
    "conv_dilation_0": ([("Conv", ["p", "w"], ["out"], {"dilations": [0, 1]})], {}),
    "conv_group_0": ([("Conv", ["p", "w"], ["out"], {"group": 0})], {}),
    "conv_pads_below_0": ([("Conv", ["p", "w"], ["out"], {"pads": [-(2**62)] * 4})], {}),
    "pool_stride_0": ([("MaxPool", ["p"], ["out"], {"kernel_shape": [1, 1], "strides": [0, 0]})], {}),
    "pool_kernel_0": ([("AveragePool", ["p"], ["out"], {"kernel_shape": [0, 0]})], {}),
    "slice_step_0": ([("Slice", ["p", "i", "i", "i", "zero"], ["out"], {})], {}),
    "slice_step_smallest": ([("Slice", ["p", "i", "i", "i", "smallest"], ["out"], {})], {}),
    "reshape_below_0": ([("Reshape", ["p", "smallest"], ["out"], {})], {}),
    "reshape_beyond_64_bits": ([("Reshape", ["p", "beyond"], ["out"], {})], {}),
    "top_k_below_0": ([("TopK", ["p", "smallest"], ["out", "places"], {})], {}),
    "top_k_of_more": ([("TopK", ["p", "beyond1"], ["out", "places"], {})], {}),
    "equation_of_dots": ([("Einsum", ["p"], ["out"], {"equation": "...i->..."})], {}),
    "equation_with_an_unknown_axis": ([("Einsum", ["p"], ["out"], {"equation": "abcd->z"})], {}),
    "split_of_more": ([("Split", ["p", "beyond"], ["out", "b"], {})], {}),
    "split_into_other_parts": ([("Split", ["p"], ["out", "b"], {"num_outputs": 4})], {}),
    "norm_without_its_bias": ([("LayerNormalization", ["p", "row", ""], ["out"], {})], {}),
    "axis_out_of_range": ([("Gather", ["p", "i"], ["out"], {"axis": 2**62})], {}),
    "order_twice_the_same": ([("Transpose", ["p"], ["out"], {"perm": [0, 0, 1, 2]})], {}),
    "slice_backwards_to_the_end": ([("Slice", ["p", "three", "largest", "three", "minus"], ["out"], {})], {}),
    "cast_neither_cut_nor_not": ([("Cast", ["p"], ["out"], {"to": 2, "saturate": 3})], {}),
    "products_of_no_kind": (
        [("Attention", ["p", "p", "p"], ["a", "", "", "out"], {"qk_matmul_output_mode": 9})],
        {},
    ),
    "different_ones_of_none": ([("Unique", ["empty"], ["out"], {"axis": 0})], {}),
    "largest_of_none": ([("ArgMin", ["empty"], ["out"], {"axis": 0})], {}),
    "norm_of_none": ([("InstanceNormalization", ["empty", "row", "row"], ["out"], {})], {}),
    "block_of_0": ([("DepthToSpace", ["p"], ["out"], {"blocksize": 0})], {}),
}


@pytest.mark.parametrize("case", KILLING)
def test_settings_that_no_operator_can_have_never_get_to_onnx_runtime(case: str) -> None:
    constants = {
        "p": np.zeros((1, 1, 4, 4), np.float32), "w": np.zeros((1, 1, 1, 1), np.float32), "i": np.int64([0]),
        "zero": np.int64([0]), "smallest": np.int64([-(2**63)]), "beyond": np.int64([2**62, 2**62]),
        "beyond1": np.int64([2**62]), "row": np.ones(4, np.float32),
        "three": np.int64([3]), "largest": np.int64([2**63 - 1]), "minus": np.int64([-1]),
        "empty": np.zeros((4, 4, 0), np.float32),
    }  # fmt: skip
    nodes, more = KILLING[case]
    refused(nodes, constants | more)


def test_how_many_are_chosen_is_known_of_constants() -> None:
    nodes: list[Node] = [
        ("NonZero", ["some"], ["places"], {}),
        ("Compress", ["obs", "flags"], ["two"], {"axis": 1}),
        ("Cast", ["places"], ["numbers"], {"to": TensorProto.FLOAT}),
        ("Reshape", ["numbers", "flat"], ["one"], {}),
        ("Add", ["two", "one"], ["out"], {}),
    ]
    constants = {
        "some": np.float32([0, 1, 0, 5]),
        "flags": np.array([True, False, True]),
        "flat": np.int64([2]),
    }
    model = model_of(nodes, constants)
    walk = Walk(model, "tiny.onnx", USUAL)
    walk.run({"obs": (3, 4)})
    assert (walk.held["places"].dims, walk.held["two"].dims) == ((1, 2), (3, 2))
    [found] = open_session(model, "tiny.onnx", "cpu").run(["out"], {"obs": np.float32([[7, 6, 5, 4]])})
    np.testing.assert_array_equal(found, [[8, 8]])


def test_where_the_user_has_said_large_more_is_let_through() -> None:
    nodes: list[Node] = [
        ("MatMul", ["obs", "w"], ["a0"], {}),
        *(("MatMul", [f"a{place}", "v"], [f"a{place + 1}"], {}) for place in range(1000)),
        ("Identity", ["a1000"], ["out"], {}),
    ]
    constants = {"w": np.zeros((4, 500), np.float32), "v": np.zeros((500, 500), np.float32)}
    assert "--large" in refused(nodes, constants)
    model = model_of(nodes, constants)
    work = check_bounds(model, "tiny.onnx", declared_shapes(model.graph), LARGE)
    # The products, 1,024 a matrix, and copying what comes out.
    assert work == 32 * (4 * 500 + 1000 * 500 * 500) + 1024 * 1001 + 8 * 32 * 500


def test_what_pytorch_writes_for_a_view_is_followed() -> None:
    """x.view(x.shape[0], -1), as a chain of operators on sizes."""
    nodes: list[Node] = [
        ("Shape", ["obs"], ["shape"], {}),
        ("Gather", ["shape", "zero"], ["batch"], {}),
        ("Unsqueeze", ["batch", "axis"], ["first"], {}),
        ("Concat", ["first", "rest"], ["wanted"], {"axis": 0}),
        ("Reshape", ["obs", "wanted"], ["out"], {}),
    ]
    constants = {"zero": np.int64(0), "axis": np.int64([0]), "rest": np.int64([-1])}
    model = model_of(nodes, constants)
    check_bounds(model, "tiny.onnx", declared_shapes(model.graph))
    [found] = open_session(model, "tiny.onnx", "cpu").run(["out"], {"obs": np.zeros((5, 4), np.float32)})
    assert found.shape == (5, 4)


def test_an_axis_longer_than_any_file_beside_one_of_no_numbers_is_refused() -> None:
    """Found by the fuzz: the tensor is as large as its shape says, which is nothing."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["obs"], ["out"])],
        "graph",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", 4])],
        [onnx.ValueInfoProto(name="out")],
        [TensorProto(name="odd", data_type=TensorProto.FLOAT, dims=[2**62, 3, 4, 0])],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString()
    with pytest.raises(InputRefused, match="does not hold as many elements"):
        open_session(read_model(data, "tiny.onnx"), "tiny.onnx", "cpu")


def test_an_input_of_less_than_nothing_does_not_make_room_for_constants() -> None:
    graph = helper.make_graph(
        [helper.make_node("ConstantOfShape", ["s"], [f"c{i}"]) for i in range(8)],
        "graph",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", -(10**9)])],
        [onnx.ValueInfoProto(name="c0")],
        [numpy_helper.from_array(np.int64([30_000_000]), "s")],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    model = read_model(data.SerializeToString(), "tiny.onnx")
    with pytest.raises(InputRefused, match=r"^tiny\.onnx: the input 'obs' has a size below 0"):
        check_bounds(model, "tiny.onnx", declared_shapes(model.graph))
