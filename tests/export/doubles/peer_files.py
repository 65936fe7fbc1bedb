"""Small networks under other libraries' names, and what an export makes of them."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lander_export import PeerOptions
from lander_export.model import build_model
from lander_export.peers import PeerPolicy, read_state_dict
from lander_export.peers.peer import PeerSpaces
from lander_export.source import peer_graph
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.session import open_session
from lander_runtime.spec import Space

SEED = 4
VECTOR = Space("Box", (3,), "float32")
DISCRETE = PeerSpaces("Discrete-v0", VECTOR, Space("Discrete", (), "int64", n=2))
CONTINUOUS = PeerSpaces(
    "Continuous-v0", VECTOR, Space("Box", (2,), "float32", low=[-2.0, 0.0], high=[2.0, 1.0])
)
PIXELS = PeerSpaces("Pixels-v0", Space("Box", (4, 36, 36), "uint8", low=0.0, high=255.0), DISCRETE.action)
OBS = torch.randn(5, 3, generator=torch.Generator().manual_seed(SEED))


def perceptron(activation: type[nn.Module], outputs: int = 2) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return nn.Sequential(
            nn.Linear(3, 4), activation(), nn.Linear(4, 4), activation(), nn.Linear(4, outputs)
        )


def named(network: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in network.state_dict().items()}


def read(tmp_path: Path, content: Any, spaces: PeerSpaces = DISCRETE, **options: Any) -> PeerPolicy:
    torch.save(content, tmp_path / "a.pth")
    return read_state_dict(tmp_path / "a.pth", spaces, PeerOptions(**options))


def outputs(policy: PeerPolicy, obs: Tensor = OBS) -> Tensor:
    with torch.no_grad():
        return policy.actor(obs)


def assert_acts_as(policy: PeerPolicy, network: nn.Module, obs: Tensor = OBS) -> None:
    with torch.no_grad():
        torch.testing.assert_close(outputs(policy, obs), network(obs))


def exported(policy: PeerPolicy, spaces: PeerSpaces, output: str, obs: Tensor = OBS) -> Tensor:
    """An output of the ONNX file, which is traced with another batch size."""
    graph = peer_graph(policy, spaces.action)
    content = build_model(graph, spaces.observation, graph.outputs).SerializeToString()
    session = open_session(read_model(content, "a"), "a", "cpu")
    (found,) = session.run([output], {"obs": obs.numpy()})
    return torch.from_numpy(found)
