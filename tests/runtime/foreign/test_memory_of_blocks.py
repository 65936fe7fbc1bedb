"""Recurrent policies with MultiDiscrete actions: cells in layers, states in two orders, fixed batches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import evaluate
from lander_runtime.foreign.foreign import ForeignPolicy
from matching_environment import NVEC, MatchEnv

HIDDEN, LAYERS, TOTAL = 5, 2, sum(NVEC)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@pytest.fixture
def env_id(register: Callable[..., str]) -> str:
    return register(MatchEnv)


def weights(*shape: int) -> Any:
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape).astype(np.float32)


def layered(
    operator: str,
    *,
    batch_first: bool = False,
    batch: Any = "n",
    of_states: Any = "n",
    integers: bool = False,
) -> onnx.ModelProto:
    """obs `[batch, 9]` -> two layers of cells -> scores; states `[layers, batch, 5]` or batch first."""
    states = ["h", "c"] if operator == "LSTM" else ["h"]
    constants: dict[str, Any] = {
        "zero": np.int64([0]), "one": np.int64([1]), "ones": np.int64([1] * LAYERS),
        "sizes": np.int64(NVEC), "head": weights(HIDDEN, TOTAL),
    }  # fmt: skip
    nodes = [helper.make_node("Unsqueeze", ["obs", "zero"], ["x0"])]
    for name in states:
        given = f"{name}_in"
        if batch_first:
            nodes.append(helper.make_node("Transpose", [given], [f"{name}_turned"], perm=[1, 0, 2]))
            given = f"{name}_turned"
        parts = [f"{name}{layer}" for layer in range(LAYERS)]
        nodes.append(helper.make_node("Split", [given, "ones"], parts, axis=0))
    for layer in range(LAYERS):
        gates = GATES[operator] * HIDDEN
        constants |= {
            f"w{layer}": weights(1, gates, HIDDEN if layer else TOTAL),
            f"r{layer}": weights(1, gates, HIDDEN),
            f"b{layer}": weights(1, 2 * gates),
        }
        given = [f"x{layer}", f"w{layer}", f"r{layer}", f"b{layer}", "", *(f"{s}{layer}" for s in states)]
        after = [f"{name}{layer}_after" for name in states]
        nodes += [
            helper.make_node(operator, given, [f"y{layer}", *after], hidden_size=HIDDEN),
            helper.make_node("Squeeze", [f"y{layer}", "one"], [f"x{layer + 1}"]),
        ]
    for name in states:
        joined = f"{name}_joined" if batch_first else f"{name}_out"
        after = [f"{name}{layer}_after" for layer in range(LAYERS)]
        nodes.append(helper.make_node("Concat", after, [joined], axis=0))
        if batch_first:
            nodes.append(helper.make_node("Transpose", [joined], [f"{name}_out"], perm=[1, 0, 2]))
    nodes += [
        helper.make_node("Squeeze", [f"x{LAYERS}", "zero"], ["flat"]),
        helper.make_node("MatMul", ["flat", "head"], ["logits"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, TOTAL])]
    if integers:
        nodes += [
            helper.make_node("Split", ["logits", "sizes"], ["p", "q", "r"], axis=1),
            *(helper.make_node("ArgMax", [name], [f"{name}i"], axis=1, keepdims=1) for name in "pqr"),
            helper.make_node("Concat", ["pi", "qi", "ri"], ["actions"], axis=1),
        ]
        outputs.append(helper.make_tensor_value_info("actions", TensorProto.INT64, [batch, len(NVEC)]))
    shape = [of_states, LAYERS, HIDDEN] if batch_first else [LAYERS, of_states, HIDDEN]
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("obs", TensorProto.FLOAT, [batch, TOTAL]),
            *(helper.make_tensor_value_info(f"{name}_in", TensorProto.FLOAT, shape) for name in states),
        ],
        [
            *outputs,
            *(helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, shape) for name in states),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def load(model: onnx.ModelProto, env_id: str) -> ForeignPolicy:
    return ForeignPolicy.from_bytes(model.SerializeToString(), Path("it.onnx"), env_id, "cpu")


@pytest.mark.parametrize("operator", GATES)
def test_the_actions_are_those_of_one_sequence(operator: str, env_id: str) -> None:
    """ONNX Runtime runs the same file by hand, a state and a step at a time."""
    import onnxruntime as ort

    model = layered(operator)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [given.name.removesuffix("_in") for given in session.get_inputs()[1:]]
    states = {f"{name}_in": np.zeros((LAYERS, 1, HIDDEN), np.float32) for name in names}
    policy, carried = load(model, env_id), None
    differ = False
    for obs in np.random.default_rng(3).standard_normal((60, 1, TOTAL)).astype(np.float32):
        logits, *after = session.run(["logits", *(f"{name}_out" for name in names)], {"obs": obs, **states})
        states = dict(zip(states, after, strict=True))
        expected = [int(np.argmax(block)) for block in np.split(logits[0], np.cumsum(NVEC)[:-1])]
        action, carried = policy.act_next(obs, carried)
        assert action.tolist() == [expected]
        differ |= policy.act_next(obs, None)[0].tolist() != [expected]
    assert differ


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("batch_first", [False, True], ids=["layers first", "batch first"])
@pytest.mark.parametrize("sampled", [False, True], ids=["greedy", "sampled"])
def test_one_report_for_every_batch_lane_and_way_of_giving_it(
    operator: str, batch_first: bool, sampled: bool, env_id: str
) -> None:
    returns = set()
    for batch, of_states in (("n", "n"), (1, 1), (4, 4), ("n", 1), ("n", 4), (4, "n"), (1, "n")):
        model = layered(
            operator, batch_first=batch_first, batch=batch, of_states=of_states, integers=batch == 1
        )
        policy = load(model, env_id)
        assert policy.remembers
        reports = [evaluate(policy, episodes=5, lanes=lanes, sampled=sampled) for lanes in (1, 5)]
        assert reports[0].sha256 == reports[1].sha256
        returns.add(tuple(reports[0].results.returns))
    assert len(returns) == 1


def test_one_report_for_every_number_of_workers(env_id: str) -> None:
    policy = load(layered("LSTM", of_states=4, integers=True), env_id)
    reports = [evaluate(policy, episodes=6, workers=workers, lanes=2) for workers in (1, 2)]
    assert reports[0].sha256 == reports[1].sha256


def test_an_open_flag_of_the_start_has_the_size_of_a_fixed_batch(env_id: str) -> None:
    for size in ("n", 4):
        model = layered("GRU", batch=4, of_states=4)
        flag = helper.make_tensor_value_info("episode_starts", TensorProto.FLOAT, [size])
        model.graph.input.append(flag)
        model.graph.node.insert(0, helper.make_node("Unsqueeze", ["episode_starts", "one"], ["flags"]))
        model.graph.node.insert(1, helper.make_node("Add", ["obs", "flags"], ["flagged"]))
        next(node for node in model.graph.node if node.output[0] == "x0").input[0] = "flagged"
        policy = load(model, env_id)
        assert any("'episode_starts' is 1 at the first step" in said for said in policy.assumptions)
        assert evaluate(policy, episodes=2).sha256 == evaluate(policy, episodes=2, lanes=1).sha256
