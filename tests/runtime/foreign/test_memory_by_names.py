"""States, flags and axes of time whose names or sizes could be taken for something else."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.matching import Choices

GENERATOR = np.random.default_rng(0)
INTO, BACK, ACROSS, OUT = (
    (0.7 * GENERATOR.standard_normal(shape)).astype(np.float32) for shape in ((4, 5), (5, 5), (5, 5), (5, 2))
)


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def load(
    nodes: list[onnx.NodeProto], inputs: dict[str, list[Any]], outputs: dict[str, list[Any]], **said: Any
) -> ForeignPolicy:
    """In CartPole-v1, of 4 numbers and 2 actions; all inputs and outputs are floats."""
    constants = {
        "into": INTO, "back": BACK, "across": ACROSS, "out": OUT, "half": np.float32(0.5),
        "one": np.float32(1), "last": np.int64(-1), "time": np.int64([1]),
    }  # fmt: skip
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    return ForeignPolicy.from_bytes(
        model.SerializeToString(), Path("it.onnx"), "CartPole-v1", "cpu", choices=Choices(**said)
    )


def flagged(flag: str, *, keeps: bool) -> ForeignPolicy:
    """A cell whose state is multiplied by the flag, or by one less the flag."""
    keep = [node("Identity", flag, "keep")] if keeps else [node("Sub", f"one {flag}", "keep")]
    nodes = [
        *keep,
        node("Mul", "h_in keep", "kept"),
        node("MatMul", "obs into", "i"),
        node("MatMul", "kept back", "b"),
        node("Add", "i b", "s"),
        node("Tanh", "s", "h_out"),
        node("MatMul", "h_out out", "logits"),
    ]
    state = {"h_in": ["n", 5], flag: ["n", 1]}
    return load(nodes, {"obs": ["n", 4], **state}, {"logits": ["n", 2], "h_out": ["n", 5]})


@pytest.mark.parametrize("flag", ["not_done", "not_dones", "is_not_first", "nonterminal", "masks"])
def test_a_flag_that_says_the_opposite_is_not_taken_for_a_start(flag: str) -> None:
    """It would be 0 after the first step, and the state forgotten at each."""
    with pytest.raises(InputRefused, match=f"'{flag}'"):
        flagged(flag, keeps=True)


@pytest.mark.parametrize("flag", ["done", "is_first", "episode_starts"])
def test_a_flag_of_starts_is_fed(flag: str) -> None:
    policy, hidden, state = flagged(flag, keeps=False), np.zeros((1, 5), np.float32), None
    for obs in np.random.default_rng(1).standard_normal((12, 1, 4)).astype(np.float32):
        hidden = np.tanh(obs @ INTO + hidden @ BACK)
        action, state = policy.act_next(obs, state)
        assert action[0] == np.argmax(hidden @ OUT)


def layers(given: tuple[str, str], back: tuple[str, str]) -> ForeignPolicy:
    """Two layers of memory, the second one linear."""
    nodes = [
        node("MatMul", "obs into", "i"),
        node("MatMul", f"{given[0]} back", "b"),
        node("Add", "i b", "s"),
        node("Tanh", "s", back[0]),
        node("MatMul", f"{back[0]} across", "a"),
        node("Mul", f"{given[1]} half", "m"),
        node("Add", "a m", back[1]),
        node("MatMul", f"{back[1]} out", "logits"),
    ]
    # In the other order, so that no place tells.
    inputs = {"obs": ["n", 4], given[1]: ["n", 5], given[0]: ["n", 5]}
    return load(nodes, inputs, {"logits": ["n", 2], back[0]: ["n", 5], back[1]: ["n", 5]})


@pytest.mark.parametrize(
    ("given", "back"),
    [
        (("h_0", "h_1"), ("h_0_out", "h_1_out")),
        (("state_a", "state_b"), ("next_state_a", "next_state_b")),
        (("rnn_actor", "rnn_critic"), ("rnn_actor_out", "rnn_critic_out")),
        (("h1", "h2"), ("hn1", "hn2")),
        (("state", "memory"), ("state_new", "memory_new")),
    ],
)
def test_each_state_has_the_input_of_its_name(given: tuple[str, str], back: tuple[str, str]) -> None:
    policy, state = layers(given, back), None
    first, second = np.zeros((2, 1, 5), np.float32)
    for obs in np.random.default_rng(1).standard_normal((12, 1, 4)).astype(np.float32):
        first = np.tanh(obs @ INTO + first @ BACK)
        second = first @ ACROSS + 0.5 * second
        action, state = policy.act_next(obs, state)
        assert action[0] == np.argmax(second @ OUT)


def test_numbers_that_differ_in_and_out_pair_nothing() -> None:
    """State 1 after the step is the first of them, and state 1 before it the second."""
    with pytest.raises(InputRefused, match="neither the observation nor a state"):
        layers(("gru_state_0", "gru_state_1"), ("gru_state_1_next", "gru_state_2_next"))


LOOKING_BACK = {
    "attention": [
        node("Transpose", "obs", "t", perm=[0, 2, 1]),
        node("MatMul", "obs t", "scores"),
        node("Softmax", "scores", "shares", axis=-1),
        node("MatMul", "shares obs", "seen"),
        node("Gather", "seen last", "z", axis=1),
    ],
    "mean": [node("ReduceMean", "obs time", "z", keepdims=0)],
}


def sequence(nodes: list[onnx.NodeProto], shape: list[Any], **said: Any) -> ForeignPolicy:
    ending = [node("MatMul", "z into", "h"), node("MatMul", "h out", "logits")]
    return load([*nodes, *ending], {"obs": shape}, {"logits": ["n", 2]}, **said)


@pytest.mark.parametrize("name", LOOKING_BACK)
def test_a_policy_that_looks_at_past_steps_is_given_one_only_when_told(name: str) -> None:
    with pytest.raises(InputRefused, match=r"takes several steps in a row.*--stateless"):
        sequence(LOOKING_BACK[name], ["n", "t", 4])
    told = sequence(LOOKING_BACK[name], ["n", "t", 4], stateless=True)
    assert any("forgets what was before" in said for said in told.assumptions)


@pytest.mark.parametrize("shape", [["n", "t", 4], [1, "t", 4], ["t", 1, 4]], ids=str)
def test_each_step_for_itself_is_no_memory(shape: list[Any]) -> None:
    observations: NDArray[np.float32] = np.random.default_rng(2).standard_normal((9, 4)).astype(np.float32)
    policy = sequence([node("Identity", "obs", "z")], shape)
    np.testing.assert_array_equal(policy.act(observations), np.argmax(observations @ INTO @ OUT, axis=1))
