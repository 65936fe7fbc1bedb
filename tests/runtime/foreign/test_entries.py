"""Files with several inputs that an observation fits, and inputs and actions of whole numbers."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused
from lander_runtime.foreign.foreign import ForeignPolicy

CARTPOLE, PENDULUM = "CartPole-v1", "Pendulum-v1"
FLOAT = TensorProto.FLOAT


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def weights(rows: int, columns: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(rows + columns).standard_normal((rows, columns)).astype(np.float32)


def load(nodes: list[onnx.NodeProto], inputs: Any, outputs: Any, env: str, **constants: Any) -> ForeignPolicy:
    """Inputs and outputs as `name: (type, row)`, in batches."""
    given, back = (
        [helper.make_tensor_value_info(name, kind, ["batch", *row]) for name, (kind, row) in values.items()]
        for values in (inputs, outputs)
    )
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "g", given, back, tensors),
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 18)],
    )
    return ForeignPolicy.from_bytes(model.SerializeToString(), Path("it.onnx"), env, "cpu")


@pytest.mark.parametrize("names", [("actor_obs", "critic_obs"), ("policy", "obs"), ("critic", "actor")])
@pytest.mark.parametrize(("env", "size", "actions"), [(CARTPOLE, 4, 2), (PENDULUM, 3, 1)])
def test_of_two_inputs_the_one_that_the_action_needs_takes_the_observation(
    names: tuple[str, str], env: str, size: int, actions: int
) -> None:
    actor, critic = names
    nodes = [node("MatMul", f"{actor} w", "a"), node("MatMul", f"{critic} v", "value")]
    w = weights(size, actions)
    policy = load(
        nodes,
        {critic: (FLOAT, [size]), actor: (FLOAT, [size])},
        {"value": (FLOAT, [1]), "a": (FLOAT, [actions])},
        env,
        w=w,
        v=weights(size, 1),
    )
    assert f"Inputs that the action does not need: {critic!r}." in policy.assumptions
    obs = np.random.default_rng(0).standard_normal((6, size)).astype(np.float32) / 4
    expected = (obs @ w).argmax(axis=1) if actions > 1 else np.clip(obs @ w, -2, 2)
    np.testing.assert_allclose(policy.act(obs), expected, rtol=1e-5)


def test_two_inputs_that_the_action_needs_both_are_refused() -> None:
    nodes = [node("Add", "here there", "both"), node("MatMul", "both w", "logits")]
    inputs = {"here": (FLOAT, [4]), "there": (FLOAT, [4])}
    with pytest.raises(InputRefused, match=r"found several that fit: 'here' .*'there'"):
        load(nodes, inputs, {"logits": (FLOAT, [2])}, CARTPOLE, w=weights(4, 2))


def test_a_model_of_the_environment_has_no_memory() -> None:
    """Its state is the observation, and its next state the next one."""
    nodes = [node("MatMul", "state w", "logits"), node("MatMul", "state m", "next_state")]
    w = weights(4, 2)
    policy = load(
        nodes,
        {"state": (FLOAT, [4])},
        {"logits": (FLOAT, [2]), "next_state": (FLOAT, [4])},
        CARTPOLE,
        w=w,
        m=weights(4, 4),
    )
    assert not policy.remembers
    obs = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    assert policy.act(obs).tolist() == (obs @ w).argmax(axis=1).tolist()


@pytest.mark.parametrize(
    "kind", [TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64]
)
def test_an_action_may_be_a_number_without_a_sign(kind: int) -> None:
    nodes = [
        node("MatMul", "obs w", "x"),
        node("ArgMax", "x", "k", axis=1, keepdims=0),
        node("Cast", "k", "action", to=kind),
    ]
    w = weights(4, 2)
    policy = load(nodes, {"obs": (FLOAT, [4])}, {"action": (kind, [])}, CARTPOLE, w=w)
    obs = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    assert policy.act(obs).tolist() == (obs @ w).argmax(axis=1).tolist()


def test_observations_of_whole_numbers_go_into_a_graph_that_takes_them() -> None:
    class Counts(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Box(0, 9, (4,), np.int64)
        action_space = gymnasium.spaces.Discrete(2)

    # The table has ten rows, and none for -1 or 10.
    nodes = [
        node("Gather", "table counts", "rows"),
        node("Reshape", "rows flat", "x"),
        node("MatMul", "x w", "logits"),
    ]
    w, table = weights(12, 2), weights(10, 3)
    gymnasium.register("Counts-v0", Counts)
    try:
        policy = load(
            nodes, {"counts": (TensorProto.INT64, [4])}, {"logits": (FLOAT, [2])}, "Counts-v0",
            w=w, table=table, flat=np.int64([-1, 12]),
        )  # fmt: skip
    finally:
        del gymnasium.registry["Counts-v0"]
    assert policy.batch_size is None
    obs = np.arange(24).reshape(6, 4) % 10
    assert policy.act(obs).tolist() == (table[obs].reshape(6, 12) @ w).argmax(axis=1).tolist()
