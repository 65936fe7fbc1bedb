"""What trial observations show: outputs that are always the same, and normalisation over a batch."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.matching import Choices
from lander_runtime.foreign.trying.trials import varied_observations
from lander_runtime.spec import Space

CARTPOLE = "CartPole-v1"


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


CONSTANTS = {
    "w": np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32), "zero": np.float32(0),
    "pair": np.float32([1, 0]), "large": np.float32([1000, -1000]), "never": np.array([False]),
    "last": np.int64([1]), "batch": np.int64([0]), "none": np.int64(0),
    "four": np.ones(4, np.float32), "nought": np.zeros(4, np.float32),
}  # fmt: skip


def model(nodes: list[onnx.NodeProto], kind: int = TensorProto.FLOAT, opset: int = 18) -> onnx.ModelProto:
    """From `obs` by a linear layer to `x`, by `nodes` to `out`."""
    used = {name for one in nodes for name in one.input} | {"w"}
    shape = ["batch"] if kind == TensorProto.INT64 else ["batch", 2]
    graph = helper.make_graph(
        [node("MatMul", "obs w", "x"), *nodes],
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("out", kind, shape)],
        [numpy_helper.from_array(array, name) for name, array in CONSTANTS.items() if name in used],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])


def load(made: onnx.ModelProto, output: str | None = None) -> ForeignPolicy:
    return ForeignPolicy.from_bytes(
        made.SerializeToString(), Path("it.onnx"), CARTPOLE, "cpu", choices=Choices(output)
    )


NUMBERS = {
    "times zero": [node("Mul", "x zero", "out")],
    "less itself": [node("Sub", "x x", "d"), node("Add", "d pair", "out")],
    "clipped to one number": [node("Clip", "x zero zero", "out")],
    "the other of two": [node("Where", "never x pair", "out")],
    "softmax over a batch of one": [node("Softmax", "x", "out", axis=0)],
    "less the mean of the batch": [
        node("ReduceMean", "x batch", "m", keepdims=1), node("Sub", "x m", "out"),
    ],
}  # fmt: skip
INTEGERS = {
    "times zero, whole": [
        node("ReduceSum", "x last", "s", keepdims=0), node("Mul", "s zero", "z"),
        node("Cast", "z", "out", to=TensorProto.INT64),
    ],
    "the largest, times zero": [
        node("ArgMax", "x", "k", axis=1, keepdims=0), node("Mul", "k none", "out"),
    ],
    "the largest of what is the same": [
        node("Mul", "x zero", "z"), node("ArgMax", "z", "out", axis=1, keepdims=0),
    ],
    "whether something is no number": [
        node("IsNaN", "x", "n"), node("Cast", "n", "c", to=TensorProto.INT64),
        node("ReduceMax", "c last", "out", keepdims=0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", [*NUMBERS, *INTEGERS])
def test_what_is_the_same_for_all_trial_observations_is_no_action_until_it_is_named(name: str) -> None:
    whole = name in INTEGERS
    made = model((NUMBERS | INTEGERS)[name], TensorProto.INT64 if whole else TensorProto.FLOAT)
    with pytest.raises(InputRefused, match=r"^it\.onnx in CartPole-v1: 'out' was the same .*--output NAME$"):
        load(made)
    said = load(made, "out").assumptions
    assert "It gave one and the same for every observation that was tried." in said


def test_one_action_may_be_the_best_everywhere() -> None:
    """The scores follow the observations, though the first is always the largest."""
    nodes = [node("Add", "x large", "y"), node("ArgMax", "y", "out", axis=1, keepdims=0)]
    policy = load(model(nodes, TensorProto.INT64))
    assert policy.act(np.ones((5, 4), np.float32)).tolist() == [0] * 5


def test_a_network_that_is_flat_for_usual_observations_is_none() -> None:
    """A threshold far out, as of a network that takes other units."""
    nodes = [
        node("Abs", "obs", "a"), node("ReduceMax", "a last", "m", keepdims=1), node("Greater", "m far", "b"),
        node("Cast", "b", "c", to=TensorProto.FLOAT), node("Mul", "c pair", "out"),
    ]  # fmt: skip
    made = model(nodes)
    made.graph.initializer.append(numpy_helper.from_array(np.float32(20), "far"))
    assert load(made).assumptions


BY_SIZE = {
    "more for a larger batch": [
        node("Shape", "x", "s"), node("Cast", "s", "f", to=TensorProto.FLOAT),
        node("Gather", "f none", "n"), node("Mul", "pair n", "p"), node("Add", "x p", "y"),
    ],
    "by the number of observations": [
        node("Size", "obs", "s"), node("Cast", "s", "f", to=TensorProto.FLOAT), node("Div", "pair f", "p"),
        node("Add", "x p", "y"),
    ],
    "without rows that are there twice": [node("Unique", "x", "y", axis=0)],
}  # fmt: skip


@pytest.mark.parametrize("name", BY_SIZE)
@pytest.mark.parametrize("whole", [False, True], ids=["scores", "integers"])
def test_what_depends_on_the_size_of_the_batch_runs_alone(name: str, whole: bool) -> None:
    last = node("ArgMax", "y", "out", axis=1, keepdims=0) if whole else node("Identity", "y", "out")
    policy = load(model([*BY_SIZE[name], last], TensorProto.INT64 if whole else TensorProto.FLOAT))
    assert policy.batch_size == 1
    obs = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)
    alone = [int(policy.act(one)) for one in obs]
    assert policy.act(obs).tolist() == alone


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("batch", [1, 8, 32])
def test_trial_observations_are_varied(dtype: str, batch: int) -> None:
    space = Space("Box", (2, 3), dtype)
    found = list(varied_observations(batch, space))
    assert all(obs.dtype == dtype and obs.shape == (batch, 2, 3) for obs in found)
    sizes = [float(np.abs(obs.astype(np.float64)).mean()) for obs in found]
    assert max(sizes) > 20 * min(sizes)


@pytest.mark.parametrize(("opset", "attributes"), [(18, {"training_mode": 1}), (13, {})])
def test_normalisation_in_training_mode_is_refused(opset: int, attributes: dict[str, int]) -> None:
    """At a batch of one it would run, with what it has of one observation."""
    nodes = [
        node("BatchNormalization", "obs four nought nought four", "y mean var", **attributes),
        node("MatMul", "y w", "out"),
    ]
    with pytest.raises(InputRefused, match=r"BatchNormalization .* training mode.*model\.eval\(\)"):
        load(model(nodes, opset=opset))
    plain = [node("BatchNormalization", "obs four nought nought four", "y"), node("MatMul", "y w", "out")]
    assert load(model(plain, opset=opset)).batch_size is None
