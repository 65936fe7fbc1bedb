"""One small policy that several files here share: LunarLander's sizes, two hidden layers of 16."""

import pytest
import torch
from onnx import ModelProto
from torch import nn

from lander_export.graph import DiscretePolicyGraph
from lander_export.model import build_model
from lander_runtime import envs
from lander_runtime.spec import EnvSpec, Space
from lander_trainer.networks.actor_critic import multilayer_perceptron

SEED = 11


@pytest.fixture(scope="session")
def lunar_lander() -> EnvSpec:
    return envs.resolve("LunarLander-v3")


@pytest.fixture(scope="session")
def observation() -> Space:
    bound = [2.5, 2.5, 10.0, 10.0, 6.25, 10.0, 1.0, 1.0]
    low = [-b for b in bound[:6]] + [0.0, 0.0]
    return Space("Box", (8,), "float32", low=low, high=bound)


@pytest.fixture(scope="session")
def actor() -> nn.Sequential:
    """Logits of the order of 1, unlike a fresh policy's; not to be changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return multilayer_perceptron([8, 16, 16, 4], "tanh", last_gain=1.0)


@pytest.fixture(scope="session")
def graph(actor: nn.Sequential) -> DiscretePolicyGraph:
    return DiscretePolicyGraph(actor)


@pytest.fixture(scope="session")
def built(graph: DiscretePolicyGraph, observation: Space) -> ModelProto:
    """The model of `graph`; not to be changed."""
    return build_model(graph, observation, ["action", "logits"])


@pytest.fixture
def model(built: ModelProto) -> ModelProto:
    """A copy of `built` that a test may change."""
    copy = ModelProto()
    copy.CopyFrom(built)
    return copy
