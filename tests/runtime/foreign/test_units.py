"""Continuous actions whose units a file does not say: squashed ones, scaled ones, and what cannot be seen."""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused, UsageError, evaluate
from lander_runtime.actions_seen import ActionsSeen
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.json_fields import Fields
from lander_runtime.scores.report import Report

PENDULUM, CAR, LANDER = "Pendulum-v1", "CarRacing-v3", "LunarLanderContinuous-v3"
"""Bounds of -2 to 2; of -1, 0, 0 to 1; of -1 to 1."""


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


CONSTANTS = {
    "one": np.float32(1), "two": np.float32(2), "minus": np.float32(-1), "half": np.float32(0.5),
    "small": np.float32(1e-6), "low": np.float32([-2]), "high": np.float32([2]), "four": np.float32(4),
    "limit": np.float32(1.5), "shape": np.int64([-1, 1]), "most": np.float32(0.999),
    "least": np.float32(-0.999),
    "first": np.int64([0]), "second": np.int64([1]), "halves": np.int64([1, 1]), "nothing": np.int64([0] * 4),
    "third": np.int64(1), "back": np.int64([-1]), "before": np.int64([-9]),
    "three": np.float32(3), "wide": np.float32([[2]]), "minus3": np.float32(-3), "minus2": np.float32(-2),
    "unit": np.float32([[1]]), "turn": np.float32([[2, 1], [1, 1]]), "back2": np.float32([[1, -1], [-1, 2]]),
    "two_by_one": np.float32([[2]]), "half_of": np.float32([0.5]), "kernel": np.float32([[[1]]]),
    "one1": np.float32([1]), "minus1": np.float32([-1]), "nought": np.int64([0]),
    "bins": np.float32([[-1], [0.2], [0.5], [1]]),
    "cell": np.float32([[[1], [2], [3]]]), "last": np.int64([2]), "third1": np.int64([1]),
    "pick": np.float32([[1], [0]]),
    "pick2": np.float32([[0], [1]]), "mean": np.float32([[0.5], [0.5]]),
    "ones": np.float32([1]), "twos": np.float32([2]), "noughts": np.float32([0]),
    "hidden": np.float32([[1, -1, 0.5, 2], [0, 1, 1, -1], [0.1, 0.2, -0.3, 0.1]]),
    "spread": np.float32([[0.7], [-0.9], [1.1], [0.6]]), "narrow": np.float32([[0.2], [-0.1], [0.3], [0.1]]),
}  # fmt: skip


def model(nodes: list[onnx.NodeProto], size: int = 3, actions: int = 1) -> onnx.ModelProto:
    """From `obs` by a linear layer to `x`, by `nodes` to `a`, `[batch, actions]`."""
    weights = np.random.default_rng(3).standard_normal((size, actions)).astype(np.float32)
    graph = helper.make_graph(
        [node("MatMul", "obs weights", "x"), *nodes],
        "stranger",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", size])],
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, ["batch", actions])],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in {"weights": weights, **CONSTANTS}.items()
        ],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def load(made: onnx.ModelProto, env: str = PENDULUM, **said: Any) -> ForeignPolicy:
    from lander_runtime.foreign.matching import Choices

    return ForeignPolicy.from_bytes(
        made.SerializeToString(), Path("it.onnx"), env, "cpu", choices=Choices(**said)
    )


TANH = node("Tanh", "x", "t")
SQUASHED = {
    "tanh": [node("Tanh", "x", "a")],
    "sigmoid": [node("Sigmoid", "x", "a")],
    "clip": [node("Clip", "x minus one", "a")],
    "clip to nearly one": [node("Clip", "x least most", "a")],
    "min and max": [node("Min", "x one", "m"), node("Max", "m minus", "a")],
    "softsign": [node("Softsign", "x", "a")],
    "softsign by hand": [node("Abs", "x", "b"), node("Add", "b one", "d"), node("Div", "x d", "a")],
    "atan": [node("Atan", "x", "a")],
    "erf": [node("Erf", "x", "a")],
    "sine": [node("Sin", "x", "a")],
    "hard sigmoid": [node("HardSigmoid", "x", "a")],
    "reshaped": [TANH, node("Reshape", "t shape", "a")],
    "cast": [
        TANH,
        node("Cast", "t", "d", to=TensorProto.DOUBLE),
        node("Cast", "d", "a", to=TensorProto.FLOAT),
    ],
    "times one": [TANH, node("Mul", "t one", "a")],
    "identity, expand": [
        TANH,
        node("Identity", "t", "i"),
        node("Shape", "x", "s"),
        node("Expand", "i s", "a"),
    ],
    "transposed twice": [TANH, node("Transpose", "t", "u"), node("Transpose", "u", "a")],
    "two sigmoids less one": [
        node("Sigmoid", "x", "s"),
        node("Mul", "s two", "d"),
        node("Sub", "d one", "a"),
    ],
    "tanh to 0..1": [TANH, node("Add", "t one", "u"), node("Mul", "u half", "a")],
    "clip by three": [node("Clip", "x minus3 three", "c"), node("Div", "c three", "a")],
    "quantised": [TANH, node("QuantizeLinear", "t half", "q"), node("DequantizeLinear", "q half", "a")],
}
BOTH = [TANH, node("Concat", "t x", "both", axis=1)]
SQUASHED |= {
    "the first of two": [*BOTH, node("Slice", "both first second second", "a")],
    "the last of two backwards": [
        TANH, node("Concat", "x t", "both", axis=1), node("Slice", "both back before second back", "turned"),
        node("Slice", "turned first second second", "a"),
    ],
    "one of two": [*BOTH, node("Gather", "both first", "a", axis=1)],
    "the first part": [*BOTH, node("Split", "both halves", "a rest", axis=1)],
    "the second part": [
        TANH, node("Concat", "x t", "both", axis=1), node("Split", "both", "rest a", axis=1, num_outputs=2),
    ],
    "the reciprocal of a sum": [
        node("Neg", "x", "n"), node("Exp", "n", "e"), node("Add", "e one", "s"), node("Reciprocal", "s", "a"),
    ],
    "tanh by hand": [
        node("Exp", "x", "e"), node("Neg", "x", "n"), node("Exp", "n", "f"), node("Sub", "e f", "u"),
        node("Add", "f e", "v"), node("Div", "u v", "a"),
    ],
    "x by the root of 1 + x x": [
        node("Mul", "x x", "square"), node("Add", "one square", "s"), node("Sqrt", "s", "r"),
        node("Div", "x r", "a"),
    ],
    "padded": [TANH, node("Pad", "t nothing", "a")],
    "cubed": [TANH, node("Pow", "t three", "a")],
    "summed over one": [TANH, node("CumSum", "t third", "a")],
    "times the identity": [TANH, node("MatMul", "t unit", "a")],
    "turned round and back by matrices": [
        TANH, node("Concat", "t x", "both", axis=1), node("MatMul", "both turn", "c"),
        node("MatMul", "c back2", "d"), node("Gather", "d first", "a", axis=1),
    ],
    "a layer of one": [
        TANH, node("Gemm", "t two_by_one half_of", "u", alpha=0.5), node("Sub", "u half", "a"),
    ],
    "a kernel of one": [
        TANH, node("Unsqueeze", "t last", "u"), node("Conv", "u kernel", "c"), node("Squeeze", "c last", "a"),
    ],
    "by indices": [TANH, node("Einsum", "t unit", "a", equation="bi,ij->bj")],
    "a sum over one": [TANH, node("ReduceSum", "t third1", "a", keepdims=1)],
    "one of two by a matrix": [*BOTH, node("MatMul", "both pick", "a")],
    "the mean of two by a matrix": [
        TANH, node("Sin", "x", "s"), node("Concat", "t s", "both", axis=1), node("MatMul", "both mean", "a"),
    ],
    "between matrices": [TANH, node("MatMul", "t unit", "u"), node("Clip", "u minus2 two", "c"),
        node("MatMul", "c unit", "a")],
    "clip by comparing": [
        node("Greater", "x one", "over"), node("Where", "over one x", "m"),
        node("LessOrEqual", "m minus", "under"), node("Where", "under minus1 m", "a"),
    ],
    "tanh by another hand": [
        node("Mul", "x two", "y"), node("Exp", "y", "e"), node("Sub", "e one", "u"),
        node("Add", "one1 e", "v"), node("Div", "u v", "a"),
    ],
    "half of a sum": [
        TANH, node("Concat", "t t", "both", axis=1), node("ReduceSum", "both third1", "s", keepdims=1),
        node("Mul", "s half", "a"),
    ],
    "an average of bins": [
        node("MatMul", "obs hidden", "h"), node("Softmax", "h", "p", axis=1), node("MatMul", "p bins", "a"),
    ],
    "the number of a bin": [
        node("MatMul", "obs hidden", "h"), node("ArgMax", "h", "i", axis=1, keepdims=1),
        node("Cast", "i", "f", to=TensorProto.FLOAT), node("Div", "f three", "a"),
    ],
    "a bump": [node("Mul", "x x", "s"), node("Neg", "s", "m"), node("Exp", "m", "a")],
    "another bump": [node("Pow", "x two", "s"), node("Add", "s one", "u"), node("Reciprocal", "u", "a")],
    "zero or one": [node("Greater", "x one", "b"), node("Cast", "b", "a", to=TensorProto.FLOAT)],
    "normalised by nothing": [
        TANH, node("BatchNormalization", "t ones noughts noughts ones", "a", epsilon=0.0),
    ],
}  # fmt: skip
SCALED = {
    "an average of bins up to the bounds": [
        node("MatMul", "obs hidden", "h"), node("Softmax", "h", "p", axis=1), node("MatMul", "p bins", "b"),
        node("Mul", "b two", "a"),
    ],
    "tanh by two in a layer": [TANH, node("Gemm", "t wide", "a")],
    "tanh by two in a norm": [
        TANH, node("BatchNormalization", "t twos noughts noughts ones", "a", epsilon=0.0),
    ],
    "tanh by two": [TANH, node("Mul", "t two", "a")],
    "low + (tanh + 1) / 2 * (high - low)": [
        TANH, node("Add", "t one", "u"), node("Div", "u two", "v"), node("Sub", "high low", "width"),
        node("Mul", "v width", "w"), node("Add", "low w", "a"),
    ],
    "sigmoid by four less two": [
        node("Sigmoid", "x", "s"), node("Mul", "s four", "f"), node("Sub", "f two", "a"),
    ],
    "clip to the bounds": [node("Clip", "x minus2 two", "a")],
    "the first of two, scaled": [
        TANH, node("Mul", "t two", "u"), node("Concat", "u x", "both", axis=1),
        node("Slice", "both first second second", "a"),
    ],
}  # fmt: skip
HIDDEN = [node("MatMul", "obs hidden", "h"), node("Tanh", "h", "t2")]
OPEN = {
    "a share that may be below zero": [
        node("Tanh", "x", "t"),
        node("Sub", "t two", "u"),
        node("Add", "t two", "v"),
        node("Div", "u v", "s"),
        node("Add", "s x", "a"),
    ],
    "x by its square": [node("Mul", "x x", "s"), node("Add", "s small", "t"), node("Div", "x t", "a")],
    "the second of two": [*BOTH, node("Gather", "both second", "a", axis=1)],
    "more than the trial stays within": [TANH, node("PRelu", "t three", "u"), node("Gemm", "u wide", "a")],
    "linear": [node("Identity", "x", "a")],
    "tanh in a hidden layer": [*HIDDEN, node("Gemm", "t2 spread", "a")],
    "tanh in a hidden layer whose weights are small": [*HIDDEN, node("Gemm", "t2 narrow", "a")],
    "the second of two by a matrix": [*BOTH, node("MatMul", "both pick2", "a")],
    "elu": [node("Elu", "x", "a")],
    "relu": [node("Relu", "x", "a")],
}


@pytest.mark.parametrize("name", SQUASHED)
def test_squashed_actions_are_refused_until_told(name: str) -> None:
    made = model(SQUASHED[name])
    with pytest.raises(
        InputRefused, match=r"^it\.onnx in Pendulum-v1: .*'a' .*-2 to 2.*--action-range"
    ) as no:
        load(made)
    assert "--action-range env" in str(no.value)
    observations = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    plain = load(made, action_range="env").act(observations)
    np.testing.assert_allclose(
        load(made, action_range="-1,1").act(observations), np.clip(2 * plain, -2, 2), atol=1e-5
    )


def test_to_actions_without_bounds_nothing_is_scaled() -> None:
    """So tanh is in the environment's units: no library could have stretched it."""

    class Endless(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
        action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)

    gymnasium.register("EndlessActions-v0", Endless)
    try:
        said = load(model(SQUASHED["tanh"]), "EndlessActions-v0").assumptions
    finally:
        del gymnasium.registry["EndlessActions-v0"]
    assert "The graph keeps it within -1 to 1, which are not the environment's bounds." in said


@pytest.mark.parametrize("name", SCALED)
def test_actions_that_are_scaled_to_the_bounds_are_taken_as_they_are(name: str) -> None:
    policy = load(model(SCALED[name]))
    assert not policy.counts_actions
    assert policy.assumptions[-1] == (
        "'a' was taken for the action in the environment's own units, clipped to its bounds."
    )


@pytest.mark.parametrize("name", OPEN)
def test_where_nothing_bounds_them_it_is_said_and_counted(name: str) -> None:
    policy = load(model(OPEN[name]))
    assert policy.counts_actions
    assert "Nothing in the graph bounds it" in policy.assumptions[-1]
    seen = evaluate(policy, episodes=2).actions
    assert seen is not None
    assert seen.count == 400
    assert seen.bounds == (-2.0, 2.0)


@pytest.mark.parametrize("name", ["tanh", "clip", "clip to nearly one"])
def test_where_the_bounds_are_one_tanh_is_as_it_is(name: str) -> None:
    policy = load(model(SQUASHED[name], 8, 2), LANDER)
    assert not policy.counts_actions
    with pytest.raises(InputRefused, match="--action-range 0,1"):
        load(model(SQUASHED["sigmoid"], 8, 2), LANDER)


@pytest.mark.parametrize("factor", ["half", "most"])
def test_a_part_of_minus_one_to_one_is_squashed_too(factor: str) -> None:
    """What goes no further than half of what its library scales."""
    for nodes in (
        [TANH, node("Mul", f"t {factor}", "a")],
        [TANH, node("Tanh", "t", "u"), node("Sin", "u", "a")],
    ):
        with pytest.raises(
            InputRefused, match=r"within -.* Say --action-range -(1|0\.999),(1|0\.999) to scale"
        ):
            load(model(nodes))
        assert not load(model(nodes), action_range="env").counts_actions


def test_what_a_cell_gives_is_squashed() -> None:
    """By a tanh that is inside of it."""
    nodes = [
        node("Unsqueeze", "x nought", "u"),
        node("GRU", "u cell cell", "y h", hidden_size=1),
        node("Squeeze", "h nought", "a"),
    ]
    with pytest.raises(InputRefused, match=r"within -1 to 1.*--action-range"):
        load(model(nodes), stateless=True)


def test_limits_of_its_own_are_said() -> None:
    policy = load(model([TANH, node("Mul", "t limit", "a")]))
    assert (
        "The graph keeps it within -1.5 to 1.5, which are not the environment's bounds." in policy.assumptions
    )


def test_each_component_has_bounds_of_its_own() -> None:
    """Steering from -1 to 1, gas and brake from 0 to 1."""
    split = node("Split", "x", "s g b", axis=1, num_outputs=3)
    ends = [node("Tanh", "s", "s2"), node("Sigmoid", "g", "g2"), node("Sigmoid", "b", "b2")]
    size = 96 * 96 * 3
    right = model([split, *ends, node("Concat", "s2 g2 b2", "a", axis=1)], size, 3)
    assert not load(right, CAR).counts_actions
    with pytest.raises(InputRefused, match=r"0 to 1 \(component \[1\]\)"):
        load(model([node("Tanh", "x", "a")], size, 3), CAR)
    scaled = load(model([node("Tanh", "x", "a")], size, 3), CAR, action_range="-1,1")
    action = scaled.act(np.zeros((96, 96, 3), np.uint8))
    np.testing.assert_allclose(action, [0.0, 0.5, 0.5])


@pytest.mark.parametrize("text", ["", "x", "1", "1,-1", "0,0", "-1,1,2", "nan,1", "-inf,inf", "Env"])
def test_a_range_that_is_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--action-range"):
        load(model(OPEN["linear"]), action_range=text)


def test_a_range_is_for_continuous_actions() -> None:
    with pytest.raises(UsageError, match="discrete"):
        load(model(OPEN["linear"], 4, 2), "CartPole-v1", action_range="-1,1")


def test_a_report_warns_where_no_action_leaves_one() -> None:
    quiet = model([node("Mul", "x small", "a")])
    report = evaluate(load(quiet), episodes=2)
    assert report.warnings[0].startswith(
        "All 400 actions lie within -1 to 1, and the environment's go from -2 to 2"
    )
    assert "--action-range" in report.warnings[0]
    told = evaluate(load(quiet, action_range="-1,1"), episodes=2)
    assert told.actions is None
    loud = evaluate(load(model([node("Mul", "x four", "a")])), episodes=2)
    assert not any("lie within" in warning for warning in loud.warnings)
    assert loud.actions is not None
    assert loud.actions.at_bounds > 0


def test_what_the_actions_were_is_the_same_for_all_lanes_and_workers_and_survives_json() -> None:
    policy = load(model(OPEN["linear"]))
    reports = [evaluate(policy, episodes=4, lanes=lanes, workers=n) for lanes, n in ((1, 1), (4, 1), (2, 2))]
    assert len({report.sha256 for report in reports}) == 1
    data = json.loads(json.dumps(reports[0].to_json()))
    assert Report.from_json(Fields(data, "it")).actions == reports[0].actions


def test_parts_add_up() -> None:
    one, two = ActionsSeen(3, 1, -0.5, 1.0, (-2.0, None)), ActionsSeen(2, 0, -1.0, 0.5, (-2.0, None))
    assert one + two == ActionsSeen(5, 1, -1.0, 1.0, (-2.0, None))
    assert (one + two).cautions()[0].startswith("All 5 actions lie within -1 to 1")
    assert ActionsSeen(5, 0, -1.0, 1.0, (-1.0, 1.0)).cautions() == []
