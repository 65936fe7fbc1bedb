"""The actor-critic: its initialisation, its names, and that building one changes no global state."""

import math

import pytest
import torch
from torch import Tensor, nn

from lander_runtime.spec import Space
from lander_trainer import TrainConfig
from lander_trainer.networks.actor_critic import ActorCritic, multilayer_perceptron
from lander_trainer.networks.build import build_network

OBSERVATION = Space("Box", (8,), "float32")
ACTION = Space("Discrete", (), "int64", n=4)


def build(**values: object) -> ActorCritic:
    return build_network(OBSERVATION, ACTION, TrainConfig().with_values(values))


def gram(weight: Tensor) -> Tensor:
    """W W^T or W^T W, whichever is the smaller: gain^2 I for an orthogonal W."""
    return weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight


@pytest.mark.parametrize(
    ("layer", "shape", "gain_squared"),
    [
        ("actor.0", (64, 8), 2.0),
        ("actor.2", (32, 64), 2.0),
        ("actor.4", (4, 32), 1e-4),  # gain 0.01: the first policy is nearly uniform
        ("critic.0", (64, 8), 2.0),
        ("critic.2", (32, 64), 2.0),
        ("critic.4", (1, 32), 1.0),
    ],
)
def test_layers_are_orthogonal_with_their_gain_and_no_bias(
    layer: str, shape: tuple[int, int], gain_squared: float
) -> None:
    weights = build(hidden_sizes=(64, 32)).state_dict()
    weight = weights[f"{layer}.weight"]
    assert weight.shape == shape
    expected = gain_squared * torch.eye(min(shape))
    assert torch.allclose(gram(weight), expected, atol=1e-5 * gain_squared, rtol=0)
    assert not weights[f"{layer}.bias"].any()


def test_names_are_those_of_the_checkpoint_format() -> None:
    assert list(build(hidden_sizes=(16, 16)).state_dict()) == [
        f"{part}.{position}.{kind}"
        for part in ("actor", "critic")
        for position in (0, 2, 4)
        for kind in ("weight", "bias")
    ]


def test_first_policy_is_nearly_uniform() -> None:
    observations = torch.randn(100, 8, generator=torch.Generator().manual_seed(1))
    probabilities = build().outputs(observations).softmax(-1)
    assert (probabilities - 0.25).abs().max() < 0.02


def test_shapes() -> None:
    network = build()
    assert network.outputs(torch.zeros(5, 8)).shape == (5, 4)
    assert network.values(torch.zeros(5, 8)).shape == (5,)


@pytest.mark.parametrize(
    ("activation", "at_one", "at_minus_one"),
    [
        ("tanh", math.tanh(1), -math.tanh(1)),
        ("relu", 1.0, 0.0),
        ("elu", 1.0, math.exp(-1) - 1),
        ("silu", 1 / (1 + math.exp(-1)), -1 / (1 + math.exp(1))),
    ],
)
def test_activation_lies_between_the_layers_and_not_after_the_last(
    activation: str, at_one: float, at_minus_one: float
) -> None:
    network = multilayer_perceptron([1, 1, 1], activation, last_gain=1.0)
    for parameter in network.parameters():
        nn.init.ones_(parameter) if parameter.ndim == 2 else nn.init.zeros_(parameter)
    nn.init.constant_(network[2].weight, 10.0)
    with torch.no_grad():
        found = network(torch.tensor([[1.0], [-1.0]]))
    assert found[:, 0].tolist() == pytest.approx([10 * at_one, 10 * at_minus_one])


def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(5)
    first = build(seed=3).state_dict()
    torch.manual_seed(6)
    again, other = build(seed=3).state_dict(), build(seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["actor.0.weight"], other["actor.0.weight"])


def test_building_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build(seed=3)
    assert torch.equal(torch.rand(3), expected)
