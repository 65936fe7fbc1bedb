"""Which graphs are read as multilayer perceptrons, and what is said of the others."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from c_programs import build, header_of_file, header_of_foreign
from lander_export.c_header import Header
from lander_export.c_header.network import Dense
from lander_export.graph import DiscretePolicyGraph, NormalisedActor
from lander_export.model import build_model
from lander_export.multi_discrete import MultiDiscretePolicyGraph
from lander_export.twins.in_torch import torch_twin
from lander_runtime import envs
from lander_runtime.errors import CheckFailed, InputRefused
from lander_runtime.foreign.matching import Choices
from lander_runtime.spec import Space
from lander_trainer.networks.layers import multilayer_perceptron
from matching_environment import NVEC, MatchEnv

ROOT = Path(__file__).parents[3]
ENV = "LunarLander-v3"

Node = tuple[str, Sequence[str], str, dict[str, Any]]
"""Operator, inputs, output, attributes."""


def weights(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).normal(0.0, 0.5, shape).astype(np.float32)


def graph_of(
    nodes: Sequence[Node], constants: dict[str, Any], width: int = 4, output: str = "logits"
) -> bytes:
    """A graph from `obs` `[batch, 8]` to `output` `[batch, width]`."""
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node(name, list(given), [made], **more) for name, given, made, more in nodes],
            "theirs",
            [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", 8])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", width])],
            [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def two_layers(between: Sequence[Node], constants: dict[str, Any] | None = None) -> bytes:
    """8 -> 6 -> `between`, from `hidden` to `active` -> 4 logits."""
    first: Node = ("Gemm", ["obs", "w1", "b1"], "hidden", {})
    last: Node = ("Gemm", ["active", "w2", "b2"], "logits", {})
    given = {"w1": weights(8, 6), "b1": weights(6), "w2": weights(6, 4), "b2": weights(4)}
    return graph_of([first, *between, last], given | (constants or {}))


ACTIVATIONS: dict[str, tuple[list[Node], dict[str, Any]]] = {
    "tanh": ([("Tanh", ["hidden"], "active", {})], {}),
    "relu": ([("Relu", ["hidden"], "active", {})], {}),
    "leaky relu": ([("LeakyRelu", ["hidden"], "active", {"alpha": 0.25})], {}),
    "elu": ([("Elu", ["hidden"], "active", {"alpha": 1.5})], {}),
    "sigmoid": ([("Sigmoid", ["hidden"], "active", {})], {}),
    "silu": (
        [("Sigmoid", ["hidden"], "gate", {}), ("Mul", ["gate", "hidden"], "active", {})],
        {},
    ),
    "clip": (
        [("Clip", ["hidden", "low", "high"], "active", {})],
        {"low": np.float32(-0.5), "high": np.float32(1)},
    ),
    "bounds of each": (
        [("Max", ["hidden", "low"], "capped", {}), ("Min", ["capped", "high"], "active", {})],
        {"low": -np.abs(weights(6)), "high": np.abs(weights(1, 6))},
    ),
    "affine": (
        [
            ("Mul", ["two", "hidden"], "scaled", {}), ("Add", ["shift", "scaled"], "moved", {}),
            ("Div", ["moved", "each"], "divided", {}), ("Sub", ["divided", "two"], "active", {}),
        ],
        {"two": np.float32(2), "shift": weights(6), "each": 1.0 + np.abs(weights(6))},
    ),
}  # fmt: skip


def agrees(header: Header, tmp_path: Path, expected: Callable[[Any], Any], *options: str) -> None:
    """Compiled, the header gives what ONNX Runtime gives for 300 observations, large ones among them."""
    obs = np.random.default_rng(2).normal(0.0, 1.0, (300, 8)).astype(np.float32)
    obs[:30] *= 100.0
    found = build(header, tmp_path, "gcc", "-std=c99", *options).run(obs)
    assert found.failed == 0
    scale = np.maximum(1.0, header.material.network.run(obs).scale)
    assert np.max(np.abs(found.outputs - expected(obs)) / scale) <= 2e-6


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_steps_between_layers(name: str, tmp_path: Path) -> None:
    header = header_of_foreign(two_layers(*ACTIVATIONS[name]), ENV)
    agrees(header, tmp_path, header.material.outputs, *(["-DPOLICY_OWN_TANH"] if name == "elu" else []))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_same_steps_in_pytorch(name: str) -> None:
    material = header_of_foreign(two_layers(*ACTIVATIONS[name]), ENV).material
    obs = np.random.default_rng(2).normal(size=(100, 8)).astype(np.float32)
    assert np.array_equal(torch_twin(material)(obs), material.policy.act(obs))


def test_a_weight_may_be_a_product_a_transpose_or_a_node(tmp_path: Path) -> None:
    """MatMul and Add, a constant node, a transposed weight, transB, alpha and beta."""
    nodes: list[Node] = [
        ("Flatten", ["obs"], "flat", {"axis": 1}),
        ("Transpose", ["w1"], "turned", {"perm": [1, 0]}),
        ("MatMul", ["flat", "turned"], "product", {}),
        ("Add", ["b1", "product"], "hidden", {}),
        ("Relu", ["hidden"], "active", {}),
        ("Constant", [], "w2", {"value": numpy_helper.from_array(weights(4, 6))}),
        ("Gemm", ["active", "w2", "b2"], "scores", {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        ("Softmax", ["scores"], "probs", {"axis": -1}),
    ]
    content = graph_of(nodes, {"w1": weights(6, 8), "b1": weights(6), "b2": weights(4)}, output="probs")
    header = header_of_foreign(content, ENV)
    # The product and its sum are one layer, and probabilities are as good as the scores behind them.
    assert str(header.material.network) == "8 -> 6 relu -> 4"
    agrees(header, tmp_path, header.material.outputs)


def test_a_normaliser_inside_the_file(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        actor = multilayer_perceptron([8, 12, 4], "silu", last_gain=1.0)
    mean, deviation = weights(8), 0.5 + np.abs(weights(8))
    graph = DiscretePolicyGraph(NormalisedActor(actor, mean, deviation)).eval()
    model = build_model(graph, Space("Box", (8,), "float32"), graph.outputs)
    header = header_of_foreign(model.SerializeToString(), ENV)
    agrees(header, tmp_path, lambda obs: graph(torch.from_numpy(obs))[1].detach().numpy())


@pytest.fixture
def match() -> Iterator[str]:
    gymnasium.register("Match-v0", "matching_environment:MatchEnv")
    yield "Match-v0"
    del gymnasium.registry["Match-v0"]


def test_several_choices_at_once(match: str, tmp_path: Path) -> None:
    width = int(np.prod(MatchEnv.observation_space.shape))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        actor = multilayer_perceptron([width, 12, sum(NVEC)], "tanh", last_gain=1.0)
    graph = MultiDiscretePolicyGraph(actor, tuple(NVEC)).eval()
    model = build_model(graph, envs.describe_spaces(MatchEnv())[0], graph.outputs)
    header = header_of_foreign(model.SerializeToString(), match)
    obs = np.random.default_rng(2).random((300, width)).astype(np.float32)
    found = build(header, tmp_path).run(obs)
    assert found.failed == 0
    assert np.array_equal(found.actions, graph(torch.from_numpy(obs))[0].numpy())


def test_continuous_actions_are_scaled_as_the_user_says(tmp_path: Path) -> None:
    nodes: list[Node] = [
        ("Gemm", ["obs", "w", "b"], "sum", {}),
        ("Tanh", ["sum"], "action", {}),
    ]
    content = graph_of(nodes, {"w": weights(8, 2), "b": weights(2)}, 2, "action")
    header = header_of_foreign(content, "LunarLanderContinuous-v3", choices=Choices(action_range="-2,2"))
    obs = np.random.default_rng(2).normal(size=(50, 8)).astype(np.float32)
    found = build(header, tmp_path).run(obs)
    assert found.failed == 0
    assert np.allclose(found.actions, header.material.outputs(obs) / 2, atol=1e-6)


REFUSED: dict[str, tuple[list[Node], dict[str, Any], str]] = {
    "two paths": (
        [("Tanh", ["hidden"], "one", {}), ("Add", ["one", "hidden"], "active", {})], {}, "'Add'",
    ),
    "an unknown function": ([("Softplus", ["hidden"], "active", {})], {}, "'Softplus'"),
    "a constant first": ([("Sub", ["two", "hidden"], "active", {})], {"two": np.float32(2)}, "'Sub'"),
    "double weights": (
        [("Cast", ["hidden"], "wide", {"to": TensorProto.DOUBLE}), ("Cast", ["wide"], "active", {"to": 1})],
        {}, "'to'",
    ),
    "a product of two": ([("Mul", ["hidden", "hidden"], "active", {})], {}, "both change"),
    "not a number": ([("Add", ["hidden", "two"], "active", {})], {"two": np.float32(np.inf)}, "not finite"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_plain_layer_is_refused_by_name(name: str) -> None:
    nodes, constants, word = REFUSED[name]
    with pytest.raises(InputRefused, match="no multilayer perceptron") as error:
        header_of_foreign(two_layers(nodes, constants), ENV)
    assert word in str(error.value)


def test_pictures_are_refused_by_that_word() -> None:
    with pytest.raises(InputRefused, match="pictures"):
        header_of_file(ROOT / "models" / "doom-basic-v1" / "policy.onnx")


def test_a_graph_that_was_misread_gives_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read is compared with ONNX Runtime first."""
    monkeypatch.setattr(Dense, "run", lambda self, x: x.through(lambda z: z[:, :1] + self.bias))
    with pytest.raises(CheckFailed, match="No header was written"):
        header_of_file(ROOT / "tests" / "data" / "tiny-discrete.onnx")


@pytest.mark.parametrize("name", ["cleanrl-agent-opset11", "sb3-ppo-discrete", "sb3-sac-continuous"])
def test_files_of_other_libraries(name: str, tmp_path: Path) -> None:
    env = "LunarLanderContinuous-v3" if "continuous" in name else ENV
    header = header_of_foreign((ROOT / "tests" / "data" / f"{name}.onnx").read_bytes(), env)
    obs = np.random.default_rng(2).normal(size=(200, 8)).astype(np.float32)
    found = build(header, tmp_path).run(obs)
    assert found.failed == 0
    expected = np.asarray(header.material.policy.act(obs), np.float32).reshape(200, -1)
    assert np.allclose(found.actions, expected, atol=1e-6)
