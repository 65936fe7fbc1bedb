"""Checkpoints: one safetensors file, weights and states as tensors, all else as JSON in its header.

No pickle anywhere, so a checkpoint from a stranger can be opened without running their code.

    network.<key>              the actor-critic's state dict
    optimizer.<i>.<name>       Adam's state of parameter i: step, exp_avg, exp_avg_sq
    random.<name>              states of the generators
    header `lander.checkpoint` environment, spaces, settings, progress, versions
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lander_runtime.errors import InputRefused
from lander_runtime.fields import Fields
from lander_runtime.files import atomic_write
from lander_runtime.spec import EnvSpec, Space
from lander_trainer.config import TrainConfig
from lander_trainer.network import ActorCritic

METADATA_KEY = "lander.checkpoint"
SCHEMA = "1.0"


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    updates: int = 0
    steps: int = 0
    """Environment steps, dummy rows not counted."""
    episodes: int = 0
    seconds: float = 0.0
    """Wall-clock time spent training, interruptions not counted."""
    best_score: float | None = None
    """Best mean return on the selection seeds so far."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    env: EnvSpec
    observation: Space
    action: Space
    config: TrainConfig
    progress: Progress
    versions: dict[str, str]
    platform: str
    created: str
    """ISO 8601, UTC."""
    tensors: dict[str, Tensor]

    def save(self, path: Path) -> None:
        """Write the file, atomically."""
        header = {
            "schema": SCHEMA,
            "env": self.env.to_json(),
            "observation": self.observation.to_json(),
            "action": self.action.to_json(),
            "config": self.config.to_dict(),
            "progress": asdict(self.progress),
            "versions": self.versions,
            "platform": self.platform,
            "created": self.created,
        }
        with atomic_write(path) as temporary:
            save_file(self.tensors, temporary, metadata={METADATA_KEY: json.dumps(header, allow_nan=False)})

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint onto the CPU.

        Raises:
            InputRefused: missing, not safetensors, not ours, of an unknown major version, or misshapen.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except (OSError, SafetensorError) as error:
            raise InputRefused(f"{path}: not a readable safetensors file ({error}).") from error
        if METADATA_KEY not in metadata:
            raise InputRefused(f"{path}: a safetensors file, but not a checkpoint of lander.")
        fields = Fields.parse(metadata[METADATA_KEY], path.name)
        schema = fields.text("schema")
        if schema.split(".")[0] != SCHEMA.split(".")[0]:
            raise InputRefused(f"{path}: written in checkpoint schema {schema}; this version reads 1.x.")
        progress = fields.child("progress")
        config = fields.mapping("config")
        return cls(
            env=EnvSpec.from_json(fields.child("env")),
            observation=Space.from_json(fields.child("observation")),
            action=Space.from_json(fields.child("action")),
            config=TrainConfig().with_values(config),
            progress=Progress(
                updates=progress.integer("updates"),
                steps=progress.integer("steps"),
                episodes=progress.integer("episodes"),
                seconds=progress.number("seconds"),
                best_score=progress.optional_number("best_score"),
            ),
            versions=fields.mapping("versions"),
            platform=fields.text("platform"),
            created=fields.text("created"),
            tensors=tensors,
        )

    def network(self) -> ActorCritic:
        """The actor-critic with these weights, on the CPU.

        Raises:
            InputRefused: the weights do not fit the settings in the header.
        """
        network = build_network(self.observation, self.action, self.config)
        weights = {
            name.removeprefix("network."): t
            for name, t in self.tensors.items()
            if name.startswith("network.")
        }
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise InputRefused(
                f"The weights do not fit the settings they are stored with: {error}"
            ) from error
        return network

    def restore_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Put Adam's state back; `optimizer` is over the parameters of `network()` in their order."""
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in self.tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".")
                state.setdefault(int(index), {})[key] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def build_network(observation: Space, action: Space, config: TrainConfig) -> ActorCritic:
    """A freshly initialised actor-critic for these spaces; the weights depend on `config.seed` alone."""
    assert action.n is not None, "checked when training starts"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return ActorCritic(observation.shape[0], action.n, config.hidden_sizes, config.activation)


def network_tensors(network: ActorCritic) -> dict[str, Tensor]:
    """A copy of the weights under their names in a checkpoint."""
    return {f"network.{name}": t.detach().cpu().clone() for name, t in network.state_dict().items()}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """A copy of Adam's state under its names in a checkpoint."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{name}": tensor.detach().cpu().clone()
        for index, entry in state.items()
        for name, tensor in entry.items()
    }
