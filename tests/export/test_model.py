"""From a PyTorch graph to ONNX: the same bytes for the same weights, and nothing of this machine in them."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, numpy_helper

from lander_export.double import tolerance_of
from lander_export.gate import check_agreement, check_form
from lander_export.graph import ContinuousPolicyGraph, DiscretePolicyGraph, NormalisedActor, PolicyGraph
from lander_export.model import build_model, with_metadata
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.session import open_session
from lander_runtime.spec import Space
from lander_trainer.networks.encoder import ImageEncoder
from lander_trainer.networks.layers import multilayer_perceptron

OUTPUTS = ["action", "logits"]


def shape_of(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def test_inputs_and_outputs_are_those_of_the_schema(built: ModelProto) -> None:
    (obs,) = built.graph.input
    action, logits = built.graph.output
    assert (obs.name, shape_of(obs), obs.type.tensor_type.elem_type) == (
        "obs",
        ["batch", 8],
        onnx.TensorProto.FLOAT,
    )
    assert (action.name, shape_of(action), action.type.tensor_type.elem_type) == (
        "action",
        ["batch"],
        onnx.TensorProto.INT64,
    )
    assert (logits.name, shape_of(logits), logits.type.tensor_type.elem_type) == (
        "logits",
        ["batch", 4],
        onnx.TensorProto.FLOAT,
    )


def test_format_is_that_of_the_schema(built: ModelProto) -> None:
    assert [(item.domain, item.version) for item in built.opset_import] == [("", 18)]
    assert built.ir_version == 8
    assert not built.functions
    assert "ArgMax" not in {node.op_type for node in built.graph.node}
    assert {node.domain for node in built.graph.node} == {""}
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in built.graph.initializer)


@pytest.mark.parametrize("batch", [1, 2, 33])
def test_batch_may_have_any_size(built: ModelProto, graph: DiscretePolicyGraph, batch: int) -> None:
    obs = np.random.default_rng(batch).normal(size=(batch, 8)).astype(np.float32)
    action, logits = open_session(read_model(built.SerializeToString(), "model"), "model", "cpu").run(
        OUTPUTS, {"obs": obs}
    )
    with torch.no_grad():
        expected_action, expected = graph(torch.from_numpy(obs))
    assert np.allclose(logits, expected.numpy(), atol=1e-6)
    assert np.array_equal(action, expected_action.numpy())
    assert np.array_equal(action, logits.argmax(-1))


def test_equal_logits_give_the_lowest_action(observation: Space) -> None:
    equal = multilayer_perceptron([8, 4], "tanh", last_gain=1.0)
    torch.nn.init.zeros_(equal[0].weight)
    model = build_model(DiscretePolicyGraph(equal), observation, OUTPUTS)
    session = open_session(read_model(model.SerializeToString(), "model"), "model", "cpu")
    assert session.run(["action"], {"obs": np.ones((3, 8), np.float32)})[0].tolist() == [0, 0, 0]


def test_same_weights_same_bytes(built: ModelProto, graph: DiscretePolicyGraph, observation: Space) -> None:
    again = build_model(graph, observation, OUTPUTS)
    assert with_metadata(again, "{}") == with_metadata(_copy(built), "{}")


def numbered_actor() -> torch.nn.Sequential:
    """Weights 1/1, 1/2, 1/3, ...: the same whatever the version of PyTorch."""
    actor = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    with torch.no_grad():
        for parameter in actor.parameters():
            parameter.copy_(1 / torch.arange(1, parameter.numel() + 1).reshape(parameter.shape))
    return actor


def test_bytes_are_the_same_whatever_the_version_of_torch() -> None:
    space = Space("Box", (2,), "float64")
    ones = np.ones(2, np.float32)
    discrete = build_model(DiscretePolicyGraph(numbered_actor()), space, OUTPUTS)
    continuous = ContinuousPolicyGraph(
        NormalisedActor(numbered_actor(), ones, 2 * ones), torch.ones(2), Space("Box", (2, 1), "float32")
    )
    models = [discrete, build_model(continuous, space, continuous.outputs)]
    assert [hashlib.sha256(with_metadata(model, "{}")).hexdigest() for model in models] == [
        "82a59d7ca2522385481cc9c62a2bdcae2998f00c715e81b9fdfbf81d5cc7498e",
        "11ce3f32073a6bb700ce6546b968a6637323124b7d94e9f977ab71a4c300b340",
    ]


def test_a_viewer_shows_layers_by_their_names() -> None:
    ones = np.ones(2, np.float32)
    graph = DiscretePolicyGraph(NormalisedActor(numbered_actor(), ones, ones))
    nodes = build_model(graph, Space("Box", (2,), "float64"), OUTPUTS).graph.node
    assert [(node.op_type, node.name, node.output[-1]) for node in nodes] == [
        ("Cast", "to_float32", "to_float32"),
        ("Sub", "normalise.subtract", "normalise.subtract"),
        ("Div", "normalise.divide", "normalise.divide"),
        ("Clip", "normalise.clip", "normalise.clip"),
        ("Gemm", "actor.actor.0", "actor.actor.0"),
        ("Tanh", "actor.actor.1", "actor.actor.1"),
        ("Gemm", "actor.actor.2", "logits"),
        ("TopK", "best", "best.index"),
        ("Squeeze", "action", "action"),
    ]


class Custom(torch.nn.Sequential):
    """A class that the exporter does not know; it could compute anything."""


def known_networks() -> Iterator[tuple[str, torch.nn.Module, Space]]:
    """Actors of two outputs, of each kind that is written directly, with the space of their observations."""
    torch.manual_seed(5)
    actor = multilayer_perceptron([3, 5, 5, 2], "silu", last_gain=1.0)
    moments = np.float32([1, 2, 3]), np.float32([2, 3, 4])
    yield "normalised", NormalisedActor(actor, *moments), Space("Box", (3,), "float64")
    yield "elu", multilayer_perceptron([3, 5, 2], "elu", last_gain=1.0), Space("Box", (3,), "int8")
    for shape in ((36, 37), (37, 36, 3), (2, 36, 37), (2, 36, 37, 3)):
        encoder = ImageEncoder(shape, (3, 4, 5), (6,), "relu")
        head = multilayer_perceptron([6, 2], "relu", last_gain=1.0)
        yield f"images {shape}", torch.nn.Sequential(encoder, head), Space("Box", shape, "uint8")


@pytest.mark.slow
@pytest.mark.parametrize("shape", [None, (2,), (2, 1)], ids=["discrete", "vector", "matrix"])
def test_torch_converts_known_networks_to_the_same_outputs(shape: tuple[int, ...] | None) -> None:
    generator = np.random.default_rng(0)
    for name, actor, space in known_networks():

        def graph(module: torch.nn.Module) -> PolicyGraph:
            if shape is None:
                return DiscretePolicyGraph(module)
            bounds = Space("Box", shape, "float32", low=-0.1, high=0.2)
            return ContinuousPolicyGraph(module, torch.tensor([0.5, -1.0]), bounds)

        obs = generator.integers(0, 100, (5, *space.shape)).astype(space.dtype)
        names = graph(actor).outputs
        found = []
        for module in (actor, Custom(actor)):
            model = build_model(graph(module), space, names)
            assert model.ir_version == 8
            check_form(model)
            session = open_session(read_model(model.SerializeToString(), name), name, "cpu")
            found.append(session.run(names, {"obs": obs}))
        for one, other in zip(*found, strict=True):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other), name


def test_an_unknown_module_is_converted_by_torch_and_passes_the_gate(observation: Space) -> None:
    pytest.importorskip("onnxscript")
    graph = DiscretePolicyGraph(Custom(torch.nn.Linear(8, 4), torch.nn.Tanh(), torch.nn.Linear(4, 4))).eval()
    model = build_model(graph, observation, OUTPUTS)
    check_form(model)
    obs = np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32)
    assert tolerance_of(graph, observation) == 1e-5
    assert check_agreement(graph, model.SerializeToString(), obs).max_difference <= 1e-5


def test_nothing_of_this_machine_is_in_the_file(built: ModelProto) -> None:
    content = built.SerializeToString()
    here = str(Path.cwd())
    for word in ("site-packages", ".py", "lander_trainer", "lander_export", "File ", here, str(Path.home())):
        assert word.encode() not in content, word
    assert not built.metadata_props
    assert built.producer_name == "lander"


def test_metadata_is_one_entry_and_changes_nothing_else(model: ModelProto, built: ModelProto) -> None:
    text = json.dumps({"greeting": "grüß dich", "number": 0.1})
    content = with_metadata(model, text)
    again = onnx.load_from_string(content)
    assert [(entry.key, entry.value) for entry in again.metadata_props] == [(METADATA_KEY, text)]
    del again.metadata_props[:]
    assert again == built


def test_metadata_replaces_what_was_there(model: ModelProto) -> None:
    with_metadata(model, "old")
    again = onnx.load_from_string(with_metadata(model, "new"))
    assert [(entry.key, entry.value) for entry in again.metadata_props] == [(METADATA_KEY, "new")]


def digest_of(model: ModelProto) -> str:
    return weights_digest(read_model(model.SerializeToString(), "model"))


def test_digest_is_over_the_weights_and_nothing_else(model: ModelProto) -> None:
    before = digest_of(model)
    with_metadata(model, "anything")
    model.graph.name = "other"
    # The order in which the file holds them does not matter, their names do.
    tensors = list(reversed(model.graph.initializer))
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
    assert digest_of(model) == before


def test_digest_changes_with_the_last_bit_of_a_weight(model: ModelProto) -> None:
    before = digest_of(model)
    tensor = next(t for t in model.graph.initializer if t.name == "actor.0.weight")
    values = numpy_helper.to_array(tensor).copy()
    values[3, 2] = np.nextafter(values[3, 2], np.float32(9))
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    assert digest_of(model) != before


def test_digest_can_be_computed_from_its_description(built: ModelProto) -> None:
    # docs/policy-file.md: the raw bytes of all initialisers in the order of their names
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in built.graph.initializer}
    content = b"".join(arrays[name].tobytes() for name in sorted(arrays))
    assert digest_of(built) == hashlib.sha256(content).hexdigest()


def test_converting_changes_nothing_for_the_caller(observation: Space) -> None:
    actor = multilayer_perceptron([8, 4], "tanh", last_gain=1.0)
    before = {name: tensor.clone() for name, tensor in actor.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    build_model(DiscretePolicyGraph(actor), observation, OUTPUTS)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in actor.state_dict().items())


_BUILD = """
import sys, torch
from lander_export.graph import DiscretePolicyGraph
from lander_export.model import build_model
from lander_runtime.spec import Space
from lander_trainer.networks.actor_critic import multilayer_perceptron
torch.manual_seed(11)
actor = multilayer_perceptron([8, 16, 16, 4], "tanh", last_gain=1.0)
model = build_model(DiscretePolicyGraph(actor), Space("Box", (8,), "float32"), ["action", "logits"])
sys.stdout.buffer.write(model.SerializeToString(deterministic=True))
"""


@pytest.mark.slow
def test_another_process_elsewhere_makes_the_same_bytes(built: ModelProto, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", _BUILD], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    assert done.stdout == built.SerializeToString(deterministic=True)


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy
