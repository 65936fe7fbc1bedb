"""Graphs that do not fit their metadata: sound ONNX that is not the policy that it says it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused, LanderError, Policy

Load = Callable[[bytes], Policy]
Rebuild = Callable[[Path, Callable[[Any], object]], bytes]


def rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[1].name = model.graph.node[-3].output[0] = model.graph.node[-2].input[0] = "scores"


def rename_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "observation"


def swap_outputs(model: onnx.ModelProto) -> None:
    first, second = list(model.graph.output)
    del model.graph.output[:]
    model.graph.output.extend([second, first])


def drop_logits(model: onnx.ModelProto) -> None:
    del model.graph.output[1]


def add_an_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["batch", 16]))


def add_an_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("temperature", TensorProto.FLOAT, [1]))


def feed_doubles(model: onnx.ModelProto) -> None:
    """What a model trained in float64 looks like; the metadata still says float32."""
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    model.graph.node[0].input[0] = "single"
    model.graph.node.insert(0, helper.make_node("Cast", ["obs"], ["single"], to=TensorProto.FLOAT))


def fix_the_batch(model: onnx.ModelProto) -> None:
    """As a converter writes it without a dynamic axis."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def give_three_logits(model: onnx.ModelProto) -> None:
    """The metadata says four actions."""
    for tensor in model.graph.initializer:
        if tensor.name.startswith("head."):
            tensor.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(tensor)[..., :3].copy(), tensor.name)
            )
    model.graph.output[1].type.tensor_type.shape.dim[1].dim_value = 3


def give_float_actions(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "index"
    model.graph.node.append(helper.make_node("Cast", ["index"], ["action"], to=TensorProto.FLOAT))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT


def leave_an_axis_on_actions(model: onnx.ModelProto) -> None:
    """`[batch, 1]` instead of `[batch]`: the Squeeze that everybody forgets."""
    del model.graph.node[-1]
    model.graph.node[-1].output[1] = "action"
    dims = model.graph.output[0].type.tensor_type.shape.dim
    dims.add().dim_value = 1


@pytest.mark.parametrize(
    "change",
    [
        rename_output,
        rename_input,
        swap_outputs,
        drop_logits,
        add_an_output,
        add_an_input,
        feed_doubles,
        fix_the_batch,
        give_three_logits,
        give_float_actions,
        leave_an_axis_on_actions,
    ],
)
def test_a_graph_that_does_not_fit_its_metadata_is_refused(
    tiny_discrete: Path, with_changed_graph: Rebuild, load: Load, change: Callable[[Any], None]
) -> None:
    content = with_changed_graph(tiny_discrete, change)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: .*expected .*found"):
        load(content)


@pytest.mark.parametrize(
    ("space", "entries"),
    [
        ("observation", {"shape": [7]}),
        ("observation", {"shape": [2, 4]}),
        ("observation", {"shape": []}),
        ("observation", {"dtype": "uint8"}),
        ("observation", {"dtype": "float64"}),
        ("observation", {"type": "Discrete", "n": 8}),
        ("action", {"n": 3}),
        ("action", {"shape": [4]}),
        ("action", {"dtype": "float32"}),
        ("action", {"type": "Box", "shape": [4], "dtype": "float32", "n": None}),
    ],
    ids=repr,
)
def test_spaces_that_do_not_fit_the_graph_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, space: str, entries: dict[str, Any]
) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx"):
        load(with_changed_metadata(tiny_discrete, lambda metadata: metadata[space].update(entries)))


@pytest.mark.parametrize(
    "entries",
    [{"shape": [3]}, {"shape": []}, {"dtype": "float64"}, {"low": [0.0]}, {"high": "none"}],
    ids=repr,
)
def test_a_continuous_action_that_does_not_fit_the_graph_is_refused(
    tiny_continuous: Path, with_changed_metadata: Rebuild, load: Load, entries: dict[str, Any]
) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx"):
        load(with_changed_metadata(tiny_continuous, lambda metadata: metadata["action"].update(entries)))


def test_golden_outputs_of_other_names_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    with pytest.raises(InputRefused, match="golden"):
        load(
            with_changed_metadata(tiny_discrete, lambda metadata: metadata["golden"]["outputs"].pop("logits"))
        )


@pytest.mark.parametrize(
    ("rows", "batch"), [([1, 8], 2), ([-1, 16], 3)], ids=["always one row", "rows in pairs"]
)
def test_a_graph_with_a_batch_fixed_inside_is_refused(
    tiny_discrete: Path, with_changed_graph: Rebuild, load: Load, rows: list[int], batch: int
) -> None:
    """The commonest slip of a converter; the first is seen in the outputs, the second when it runs."""

    def fix_inside(model: onnx.ModelProto) -> None:
        for name, shape in (("rows", rows), ("back", [-1, 8])):
            model.graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), name))
        model.graph.node[0].input[0] = "again"
        model.graph.node.insert(0, helper.make_node("Reshape", ["obs", "rows"], ["reshaped"]))
        model.graph.node.insert(1, helper.make_node("Reshape", ["reshaped", "back"], ["again"]))

    content = with_changed_graph(tiny_discrete, fix_inside)
    for rng in (None, np.random.default_rng(0)):
        with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
            load(content).act(np.zeros((batch, 8), np.float32), rng)


def test_a_graph_that_fails_on_some_observations_says_so(
    tiny_discrete: Path, with_changed_graph: Rebuild, load: Load
) -> None:
    """Nothing to be seen while loading: the largest component is an index into a table of three."""

    def look_up(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "table"))
        head = next(node for node in model.graph.node if "logits" in node.output)
        head.output[0] = "scores"
        at = list(model.graph.node).index(head) + 1
        for node in (
            helper.make_node("Add", ["scores", "entry"], ["logits"]),
            helper.make_node("Gather", ["table", "index"], ["entry"]),
            helper.make_node("Cast", ["largest"], ["index"], to=TensorProto.INT64),
            helper.make_node("ReduceMax", ["obs"], ["largest"], keepdims=0),
        ):
            model.graph.node.insert(at, node)

    policy = load(with_changed_graph(tiny_discrete, look_up))
    assert policy.self_test() <= 1e-5
    for rng in (None, np.random.default_rng(0)):
        with pytest.raises(LanderError, match=r"stranger\.onnx"):
            policy.act(np.full(8, 5, np.float32), rng)
