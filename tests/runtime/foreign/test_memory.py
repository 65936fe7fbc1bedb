"""Policies that remember: states that are carried, and memory that is not in the file."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import EnvSpec, InputRefused, UsageError, evaluate
from lander_runtime.foreign.analysis.memory import pair_states, states_without_input
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.matching import Choices
from lander_runtime.foreign.signature import Tensor

HIDDEN = 5
generator = np.random.default_rng(4)


def node(operator: str, inputs: list[str] | str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(
        operator, inputs.split() if isinstance(inputs, str) else inputs, outputs.split(), **attributes
    )


def floats(name: str, *shape: Any) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def weights(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape).astype(np.float32)


def build(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    **constants: NDArray[Any],
) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def recurrent(
    operator: str = "GRU", batch: Any = "n", names: tuple[str, ...] = ("h_in", "h_out"), *, state: bool = True
) -> onnx.ModelProto:
    """obs `[n, 8]` -> a cell with its state `[1, n, 5]` -> scores `[n, 4]`."""
    gates = {"GRU": 3, "LSTM": 4, "RNN": 1}[operator]
    cell = operator == "LSTM"
    given, back = names[: len(names) // 2], names[len(names) // 2 :]
    inputs = ["steps", "w", "r", "b", "", *(given if state else [])]
    made = " ".join(["y", *back])
    nodes = [
        node("Unsqueeze", "obs zero", "steps"),
        node(operator, inputs, made, hidden_size=HIDDEN),
        node("Squeeze", [back[0], "zero"], "flat"),
        node("MatMul", "flat head", "logits"),
    ]
    shape = [1, batch, HIDDEN]
    states = [floats(name, *shape) for name in given] if state else []
    after = [floats(name, *shape) for name in back] if state else []
    assert cell == (len(given) == 2)
    return build(
        nodes,
        [floats("obs", batch, 8), *states],
        [floats("logits", batch, 4), *after],
        zero=np.array([0], np.int64),
        w=weights(1, gates * HIDDEN, 8),
        r=weights(1, gates * HIDDEN, HIDDEN),
        b=weights(1, 2 * gates * HIDDEN),
        head=weights(HIDDEN, 4),
    )


def load(model: onnx.ModelProto, env: Any = "LunarLander-v3", **said: Any) -> ForeignPolicy:
    return ForeignPolicy.from_bytes(
        model.SerializeToString(), Path("it.onnx"), env, "cpu", choices=Choices(**said)
    )


LSTM_NAMES = ("h_in", "c_in", "h_out", "c_out")
CASES = [
    ("GRU", "n", ("h_in", "h_out")),
    ("GRU", 1, ("state_in_0", "state_out_0")),
    ("RNN", "n", ("hidden", "hn")),
    ("LSTM", "n", LSTM_NAMES),
    ("LSTM", 1, ("h0", "c0", "hn", "cn")),
    ("GRU", 3, ("recurrent_in", "recurrent_out")),
]


@pytest.mark.parametrize(("operator", "batch", "names"), CASES, ids=str)
def test_the_state_is_carried_from_step_to_step(operator: str, batch: Any, names: tuple[str, ...]) -> None:
    """As ONNX Runtime gives it for a whole sequence at once."""
    import onnxruntime as ort

    policy = load(recurrent(operator, batch, names))
    assert policy.remembers
    half = len(names) // 2
    for given, back in zip(names[:half], names[half:], strict=True):
        assert any(f"{back!r} goes into {given!r}" in said for said in policy.assumptions)
    observations = np.random.default_rng(9).standard_normal((6, 8)).astype(np.float32)
    session = ort.InferenceSession(
        recurrent(operator, 1, names).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    states: Any = {name: np.zeros((1, 1, HIDDEN), np.float32) for name in names[:half]}
    carried = None
    forgetful = []
    for obs in observations:
        logits, *after = session.run(["logits", *names[half:]], {"obs": obs[None], **states})
        states = dict(zip(names[:half], after, strict=True))
        action, carried = policy.act_next(obs[None], carried)
        forgetful.append(int(policy.act_next(obs[None], None)[0][0]) == int(action[0]))
        assert action.tolist() == [int(np.argmax(logits))]
    assert forgetful[0]


@pytest.mark.parametrize(("operator", "batch", "names"), CASES[:4], ids=str)
@pytest.mark.parametrize("sampled", [False, True])
def test_its_report_is_the_same_whatever_lanes_and_workers(
    operator: str, batch: Any, names: tuple[str, ...], sampled: bool, drifting: EnvSpec
) -> None:
    policy = load(recurrent(operator, batch, names), drifting)
    reports = [evaluate(policy, episodes=20, lanes=lanes, sampled=sampled) for lanes in (1, 3, 20)]
    assert len({report.sha256 for report in reports}) == 1
    alone = evaluate(policy, episodes=1, first_seed=1_000_007, sampled=sampled)
    assert alone.results.returns[0] == reports[0].results.returns[7]


def test_its_report_is_the_same_in_worker_processes() -> None:
    policy = load(recurrent("LSTM", "n", LSTM_NAMES))
    reports = [evaluate(policy, episodes=6, workers=workers) for workers in (1, 2)]
    assert reports[0].sha256 == reports[1].sha256
    assert pickle.loads(pickle.dumps(policy)).assumptions == policy.assumptions


def test_memory_matters_to_the_score(drifting: EnvSpec) -> None:
    kept = evaluate(load(recurrent(), drifting), episodes=10)
    lost = evaluate(load(recurrent(), drifting, stateless=True), episodes=10)
    assert kept.results.returns.tolist() != lost.results.returns.tolist()
    assert any("--stateless" in said for said in lost.assumptions)


def test_one_observation_is_not_enough_for_it() -> None:
    policy = load(recurrent())
    for call in (policy.act, policy.outputs):
        with pytest.raises(UsageError, match="act_next"):
            call(np.zeros((1, 8), np.float32))


def test_a_flag_says_where_an_episode_starts() -> None:
    """The state is 1 more at each step, from the flag on; the action is its place."""
    nodes = [
        node("Sub", "one episode_starts", "goes"),
        node("Mul", "h_in goes", "kept"),
        node("Add", "kept one", "h_out"),
        node("ReduceSum", "obs axes", "sum"),
        node("Mul", "sum zero", "nought"),
        node("Add", "h_out nought", "count"),
        node("Sub", "count places", "distance"),
        node("Abs", "distance", "far"),
        node("Neg", "far", "logits"),
    ]
    model = build(
        nodes,
        [floats("obs", 1, 8), floats("h_in", 1, 1), floats("episode_starts", 1)],
        [floats("logits", 1, 4), floats("h_out", 1, 1)],
        one=np.float32([1]),
        zero=np.float32([0]),
        axes=np.int64([1]),
        places=np.float32([[1, 2, 3, 4]]),
    )
    policy = load(model, output="logits")
    assert any("'episode_starts' is 1 at the first step" in said for said in policy.assumptions)
    state, actions = None, []
    for _ in range(4):
        action, state = policy.act_next(np.zeros((1, 8), np.float32), state)
        actions.append(int(action[0]))
    assert actions == [0, 1, 2, 3]


@pytest.mark.parametrize("operator", ["GRU", "LSTM", "RNN"])
def test_a_cell_without_its_state_is_refused_until_told(operator: str) -> None:
    names = LSTM_NAMES if operator == "LSTM" else ("h_in", "h_out")
    model = recurrent(operator, "n", names, state=False)
    with pytest.raises(InputRefused, match=rf"recurrent policy .*{operator} .*--stateless"):
        load(model)
    policy = load(model, stateless=True)
    assert not policy.remembers
    assert any(operator in said and "--stateless" in said for said in policy.assumptions)


@pytest.mark.parametrize("kept", ["h", "c"])
@pytest.mark.parametrize("steady", [False, True], ids=["left out", "a constant"])
def test_half_a_state_of_an_lstm_is_refused_until_told(kept: str, steady: bool) -> None:
    model = recurrent("LSTM", 1, LSTM_NAMES)
    lost = "c" if kept == "h" else "h"
    [cell] = [one for one in model.graph.node if one.op_type == "LSTM"]
    cell.input[5 if lost == "h" else 6] = "start" if steady else ""
    if steady:
        model.graph.initializer.append(numpy_helper.from_array(weights(1, 1, HIDDEN), "start"))
    model.graph.input.remove(next(one for one in model.graph.input if one.name == f"{lost}_in"))
    model.graph.output.remove(next(one for one in model.graph.output if one.name == f"{lost}_out"))
    with pytest.raises(InputRefused, match=r"LSTM is given only a part of its state.*--stateless"):
        load(model)
    assert load(model, stateless=True).assumptions


def test_a_state_that_comes_out_and_does_not_go_in_is_refused() -> None:
    model = build(
        [node("MatMul", "obs w", "logits"), node("Tanh", "logits", "h_out")],
        [floats("obs", "n", 8)],
        [floats("logits", "n", 4), floats("h_out", "n", 4)],
        w=weights(8, 4),
    )
    with pytest.raises(InputRefused, match=r"'h_out'.*--stateless"):
        load(model)
    assert load(model, stateless=True).act(np.ones(8, np.float32)) in range(4)


def test_a_cell_in_plain_operators_with_zeros_for_its_state_is_refused() -> None:
    """As torch writes a GRUCell or LSTMCell that is called without a state."""
    torch = pytest.importorskip("torch")
    import io
    import warnings

    class Actor(torch.nn.Module):
        def __init__(self, cell: Any) -> None:
            super().__init__()
            self.cell, self.head = cell, torch.nn.Linear(HIDDEN, 4)

        def forward(self, obs: Any) -> Any:
            found = self.cell(obs)
            return self.head(found[0] if isinstance(found, tuple) else found)

    for kind in (torch.nn.GRUCell, torch.nn.LSTMCell, torch.nn.RNNCell):
        content = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Actor(kind(8, HIDDEN)), (torch.zeros(1, 8),), content, dynamo=False, opset_version=17
            )
        model = onnx.load_from_string(content.getvalue())
        with pytest.raises(InputRefused, match=r"recurrent policy .*--stateless"):
            load(model)
        assert load(model, stateless=True).assumptions


def test_a_gate_in_a_plain_network_is_no_memory() -> None:
    nodes = [
        node("MatMul", "obs w", "x"),
        node("Sigmoid", "x", "s"),
        node("Mul", "x s", "swish"),
        node("Mul", "s scale", "scaled"),
        node("Add", "swish scaled", "logits"),
    ]
    model = build(
        nodes, [floats("obs", "n", 8)], [floats("logits", "n", 4)], w=weights(8, 4), scale=np.float32([2])
    )
    assert not load(model).remembers


def test_an_input_that_nothing_gives_back_is_refused() -> None:
    model = recurrent()
    del model.graph.output[1]
    with pytest.raises(InputRefused, match="'h_in'"):
        load(model)
    assert any("'h_in' is zero at each step" in said for said in load(model, stateless=True).assumptions)


def tensor(name: str, *shape: Any) -> Tensor:
    return Tensor(name, "float32", shape)


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ("h_in c_in", "h_out c_out"),
        ("c_in h_in", "c_out h_out"),
        ("h_0 c_0", "h_n c_n"),
        ("state_in_0 state_in_1", "state_out_0 state_out_1"),
        ("states", "lstm_states"),
        ("lstm_states", "new_lstm_states"),
        ("recurrent_state", "next_recurrent_state"),
        ("hidden_in cell_in", "hidden_out cell_out"),
        ("lstm_h lstm_c", "hn cn"),
        ("prev_hidden", "hidden"),
        ("memories", "memories_out"),
    ],
)
def test_names_that_belong_together(inputs: str, outputs: str) -> None:
    shape = (1, None, 64)
    taken = [tensor("obs", None, 8), *(tensor(name, *shape) for name in inputs.split())]
    given = [tensor("actions", None, 2), *(tensor(name, *shape) for name in outputs.split())]
    found = [(state.input, state.output) for state in pair_states(taken, given[::-1])]
    assert found == list(zip(inputs.split(), outputs.split(), strict=True))


@pytest.mark.parametrize(
    ("given", "back"),
    [
        (tensor("input", 1, 3), tensor("output", 1, 3)),
        (tensor("obs_in", 1, 3), tensor("obs_out", 1, 3)),
        (tensor("h_in", 1, 1, 3), tensor("h_out", 1, 1, 4)),
        (tensor("action_masks", 1, 3), tensor("actions", 1, 3)),
        (tensor("state", 1, 3), tensor("state_value", 1, 1)),
        (Tensor("h_in", "int64", (1, 3)), Tensor("h_out", "int64", (1, 3))),
    ],
    ids=str,
)
def test_names_that_do_not(given: Tensor, back: Tensor) -> None:
    assert pair_states([given], [back]) == ()


def test_a_value_of_a_state_is_no_state() -> None:
    names = ["state_value", "value_out", "action_out", "hidden", "logits", "memory_size"]
    assert states_without_input(names, []) == []
    assert states_without_input(["h_out", "state_outs", "cn"], []) == ["h_out", "state_outs", "cn"]
