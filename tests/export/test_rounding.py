"""The gate tells rounding from a wrong network, whatever the size of the numbers."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from lander_export import export, load_source
from lander_export.double import run_in_double, tolerance_of
from lander_export.gate import check_agreement
from lander_export.graph import ContinuousPolicyGraph, DiscretePolicyGraph, NormalisedActor, PolicyGraph
from lander_export.model import build_model
from lander_runtime import Policy, envs
from lander_runtime.errors import CheckFailed
from lander_runtime.spec import Space
from lander_trainer.networks.encoder import ImageEncoder
from lander_trainer.networks.layers import multilayer_perceptron
from lander_trainer.threads import cpu_threads

SPACE = Space("Box", (8,), "float32")
MEAN, DEVIATION = np.linspace(-1, 1, 8, dtype=np.float32), np.linspace(0.3, 2, 8, dtype=np.float32)
OBS = np.concatenate(
    [
        np.random.default_rng(1).normal(0, 2, (150, 8)).astype(np.float32),
        np.outer(np.float32([1e-38, 1e-6, 1e3, -1e6]), np.ones(8, np.float32)),
    ]
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As an export of a small network has it: a second one only waits."""
    with cpu_threads(1):
        yield


def actor_of(activation: str, last: float, *, first: float = 1.0, seed: int = 3) -> nn.Sequential:
    """Two hidden layers of 64, the first and the last layer multiplied."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = multilayer_perceptron([8, 64, 64, 4], activation, last_gain=1.0)
        for layer in actor:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.bias, std=0.3)
    with torch.no_grad():
        actor[0].weight *= first
        actor[0].bias *= first
        actor[-1].weight *= last
        actor[-1].bias *= last
    return actor


def gate(graph: PolicyGraph, written: PolicyGraph, obs: NDArray[Any] = OBS, space: Space = SPACE) -> Any:
    """Compares `graph` with the model of `written`."""
    model = build_model(written, space, written.outputs)
    return check_agreement(graph, model.SerializeToString(), obs, tolerance_of(graph, space))


def normalised(actor: nn.Module, mean: Any = MEAN, deviation: Any = DEVIATION) -> DiscretePolicyGraph:
    return DiscretePolicyGraph(NormalisedActor(actor, mean, deviation))


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu", "silu"])
@pytest.mark.parametrize(("first", "last"), [(1, 0.01), (1, 1), (1, 3000), (1000, 1), (0.001, 3000)])
def test_a_right_network_passes(activation: str, first: float, last: float) -> None:
    actor = actor_of(activation, last, first=first)
    for graph in (DiscretePolicyGraph(actor), normalised(actor)):
        assert gate(graph, graph).max_difference < 5e-7


def test_rounding_alone_would_have_failed_without_the_scale() -> None:
    graph = DiscretePolicyGraph(actor_of("relu", 3000.0))
    exact = run_in_double(graph, OBS)
    with torch.inference_mode():
        logits = graph(torch.from_numpy(OBS))[1].numpy()
    off = np.abs(logits - exact.values["logits"]) / np.maximum(1, np.abs(exact.values["logits"]))
    assert off.max() > 1e-5
    assert np.max(np.abs(logits - exact.values["logits"]) / exact.scale["logits"]) < 5e-7


def permuted(layer: int) -> Callable[[nn.Sequential], None]:
    def change(actor: nn.Sequential) -> None:
        weight = actor[layer].weight
        weight[0, [0, 1]] = weight[0, [1, 0]]

    return change


def without_bias(layer: int) -> Callable[[nn.Sequential], None]:
    def change(actor: nn.Sequential) -> None:
        actor[layer].bias[0] = 0.0

    return change


def other_activation(actor: nn.Sequential) -> None:
    actor[3] = nn.ReLU() if isinstance(actor[3], nn.SiLU) else nn.SiLU()


WRONG = {
    "two weights of the first layer": permuted(0),
    "two weights of the last layer": permuted(-1),
    "a bias of the first layer": without_bias(0),
    "a bias of the last layer": without_bias(-1),
    "an activation": other_activation,
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("first", "last"), [(1, 0.01), (1, 1), (1, 3000), (1000, 1)])
def test_a_wrong_network_fails(what: str, activation: str, first: float, last: float) -> None:
    actor = actor_of(activation, last, first=first)
    other = copy.deepcopy(actor)
    with torch.no_grad():
        WRONG[what](other)
    with pytest.raises(CheckFailed, match="Logits differ"):
        gate(DiscretePolicyGraph(actor), DiscretePolicyGraph(other))
    with pytest.raises(CheckFailed, match="Logits differ"):
        gate(normalised(actor), normalised(other))


@pytest.mark.parametrize("activation", ["tanh", "relu", "silu"])
@pytest.mark.parametrize("last", [0.01, 1, 3000])
def test_a_normaliser_that_is_off_by_a_thousandth_fails(activation: str, last: float) -> None:
    actor = actor_of(activation, last)
    one = MEAN.copy()
    one[0] += 1e-3
    for other in (
        normalised(actor, MEAN + np.float32(1e-3)),
        normalised(actor, one),
        normalised(actor, MEAN, DEVIATION * np.float32(1.001)),
    ):
        with pytest.raises(CheckFailed, match="Logits differ"):
            gate(normalised(actor), other)


@pytest.mark.parametrize("last", [0.01, 3000])
def test_means_and_images_are_compared_in_the_same_way(last: float) -> None:
    space = Space("Box", (2, 36, 40), "uint8")
    obs = np.random.default_rng(0).integers(0, 256, (30, *space.shape), np.uint8)

    def graph(change: float) -> ContinuousPolicyGraph:
        torch.manual_seed(0)
        encoder = ImageEncoder(space.shape, (8, 8), (32,), "relu")
        head = multilayer_perceptron([32, 2], "relu", last_gain=last)
        with torch.no_grad():
            encoder.layers[0].weight[0, 0, 0, 0] += change
        bounds = Space("Box", (2,), "float32", low=-1e6, high=1e6)
        return ContinuousPolicyGraph(nn.Sequential(encoder, head), torch.tensor([0.5, -3.0]), bounds)

    with torch.random.fork_rng(devices=[]):
        right, wrong = graph(0.0), graph(0.3)
    assert gate(right, right, obs, space).max_difference < 2e-6
    with pytest.raises(CheckFailed, match="means or deviations differ"):
        gate(right, wrong, obs, space)


def test_scale_of_a_layer_is_the_sum_of_its_absolute_products() -> None:
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, -3.0]]))
        layer.bias.fill_(0.5)
    exact = run_in_double(DiscretePolicyGraph(layer), np.float32([[100, 100], [0, 0.125]]))
    assert exact.values["logits"].tolist() == [[0.5], [0.125]]
    # |3 x 100| + |-3 x 100| + |0.5|, and 0.375 + 0.5, which is below 1
    assert exact.scale["logits"].tolist() == [[600.5], [1.0]]


def test_scale_of_two_layers_adds_what_the_first_passes_on() -> None:
    first, second = nn.Linear(1, 2, bias=False), nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[3.0], [4.0]]))
        second.weight.copy_(torch.tensor([[1.0, -1.0]]))
    exact = run_in_double(DiscretePolicyGraph(nn.Sequential(first, second)), np.float32([[10]]))
    assert exact.values["logits"].tolist() == [[-10.0]]
    # 30 + 40 of its own, and the root of 30² + 40² from the layer before
    assert exact.scale["logits"].tolist() == [[120.0]]


def test_a_module_that_writes_into_its_input_is_run_like_any_other() -> None:
    plain, inplace = (nn.Sequential(nn.Linear(8, 4), nn.ReLU(x), nn.Linear(4, 2)) for x in (False, True))
    inplace.load_state_dict(plain.state_dict())
    found = [run_in_double(DiscretePolicyGraph(actor), OBS) for actor in (plain, inplace)]
    assert np.array_equal(found[0].scale["logits"], found[1].scale["logits"])
    assert gate(DiscretePolicyGraph(inplace), DiscretePolicyGraph(plain)).max_difference < 5e-7


def test_state_dict_with_scores_in_the_thousands_is_exported(tmp_path: Any) -> None:
    actor = actor_of("relu", 3000.0)
    torch.save({f"actor.{name}": tensor for name, tensor in actor.state_dict().items()}, tmp_path / "w.pth")
    source = load_source(tmp_path / "w.pth", envs.resolve("LunarLander-v3"), "relu")
    exported = export(source, tmp_path / "policy.onnx", episodes=0, gif=False)
    golden = exported.info.golden
    assert golden.tolerance == 2e-6
    assert golden.scale is not None
    assert np.shape(golden.scale["logits"]) == np.shape(golden.outputs["logits"]) == (8, 4)
    assert np.min(golden.scale["logits"]) > 1000.0
    assert Policy.load(exported.policy, "cpu").self_test() <= 2e-6
