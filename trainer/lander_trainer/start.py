"""The weights that a run starts from: new ones, or those of a checkpoint or of a policy file.

A checkpoint gives actor, critic and the statistics of its observations. A policy file has no critic. Its
actor is taken where its layers are those of this trainer and nothing normalises its observations.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import near_miss, open_regular
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.display import space_in_words
from lander_runtime.policy.policy import Policy
from lander_runtime.shipped import runs_near
from lander_runtime.spec import Space
from lander_trainer.config import TrainConfig
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.networks.build import build_network
from lander_trainer.runs.checkpoint import Checkpoint

_SHAPE = ("hidden_sizes", "channels", "activation", "normalize_observations", "network")
"""Settings that a start brings with it: its weights fit no others."""

_AGREEMENT = 1e-4
"""Largest difference of the actor that was read from the file's golden outputs, where 1 is the scale."""


@dataclass(frozen=True)
class Start:
    """Weights to start from."""

    path: Path
    sha256: str
    """Of the file."""
    observation: Space
    action: Space
    settings: Mapping[str, Any]
    """The settings of `_SHAPE` that the weights were trained with."""
    weights: Mapping[str, Tensor]
    """By their names in the network's state dict; without the critic's where the file has none."""
    statistics: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """State of the normaliser of observations, as a checkpoint has it."""
    golden: tuple[NDArray[Any], NDArray[Any]] | None = None
    """Observations and the outputs that the actor gives for them; only of a policy file."""

    def adopted(self, config: TrainConfig, chosen: Mapping[str, Any]) -> TrainConfig:
        """`config` with the network of this start.

        Args:
            config: the settings of the run.
            chosen: the settings that its user has named; they stay, and have to fit.

        Raises:
            InputRefused: `config.init_sha256` is that of another file.
        """
        self.check_is(config.init_sha256)
        own = {name: value for name, value in self.settings.items() if name not in chosen}
        return config.with_values({**own, "init": str(self.path), "init_sha256": self.sha256})

    def apply(self, network: ActorCritic, observation: Space, action: Space) -> None:
        """Put the weights into `network`.

        Raises:
            UsageError: they are of other spaces, or of a network of another shape.
        """
        spaces = ((observation, self.observation, "observations"), (action, self.action, "actions"))
        for mine, theirs, what in spaces:
            if mine.form != theirs.form:
                raise UsageError(
                    f"{self.path} has other {what} than this environment: "
                    f"{space_in_words(theirs)} there, {space_in_words(mine)} here."
                )
        state = network.state_dict()
        unlike = [
            name
            for name, tensor in self.weights.items()
            if name not in state or state[name].shape != tensor.shape
        ]
        missing = [name for name in state if name not in self.weights and not name.startswith("critic")]
        if unlike or missing:
            raise UsageError(
                f"The weights in {self.path} do not fit the network of this run ({(unlike + missing)[0]}). "
                "Leave out the settings of the network; the file brings its own."
            )
        network.load_state_dict({**state, **self.weights})
        if self.golden is not None:
            self._check_golden(network)

    def _check_golden(self, network: ActorCritic) -> None:
        """What the file says of its layers, such as the activation, is a claim until it computes the same."""
        assert self.golden is not None
        observations, outputs = self.golden
        with torch.inference_mode():
            found = network.outputs(torch.from_numpy(observations)).numpy()[:, : outputs.shape[1]]
        if not np.all(np.abs(found - outputs) <= _AGREEMENT * np.maximum(1.0, np.abs(outputs))):
            raise InputRefused(
                f"{self.path}: its layers do not give its golden outputs here. Start from the checkpoint "
                "that it was made of."
            )

    def check_is(self, sha256: str | None) -> None:
        """Refuse another file than the one with this digest, if any; raises `InputRefused`."""
        if sha256 not in (None, self.sha256):
            raise InputRefused(f"{self.path}: its SHA-256 is {self.sha256}, and init_sha256 says {sha256}.")


class Beginning(NamedTuple):
    """What a run begins with."""

    network: ActorCritic
    statistics: Mapping[str, NDArray[Any]]
    """Of observations, for `Normaliser.start_from`; empty where there are none."""


def begin(config: TrainConfig, observation: Space, action: Space) -> Beginning:
    """The network of a new run with these settings and spaces.

    Raises:
        InputRefused: what `config.init` names is missing or damaged, or another file than it was.
        UsageError: its weights do not fit, or a network of the user's own does not compute what it must.
    """
    network = build_network(observation, action, config)
    if config.init is None:
        return Beginning(network, {})
    start = read_start(Path(config.init))
    start.check_is(config.init_sha256)
    start.apply(network, observation, action)
    return Beginning(network, start.statistics)


def read_start(path: Path) -> Start:
    """The weights in a checkpoint (.safetensors), a run's folder or a policy file (.onnx).

    Raises:
        InputRefused: there is no such file, it is damaged, or it has no weights that can be started from.
    """
    if not path.exists():
        raise InputRefused(f"{path}: no such file or folder.{near_miss(path) or runs_near(path)}")
    if path.is_dir():
        names = ("best.safetensors", "checkpoint.safetensors", "policy.onnx")
        found = next((path / name for name in names if (path / name).is_file()), None)
        if found is None:
            raise InputRefused(f"{path}: a folder without {', '.join(names)}.")
        path = found
    return _of_policy(path) if path.suffix == ".onnx" else _of_checkpoint(path)


def _of_checkpoint(path: Path) -> Start:
    checkpoint = Checkpoint.load(path)
    # Read once more, since safetensors opens files by their names only.
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    network = checkpoint.network()
    statistics = checkpoint.arrays("normaliser")
    return Start(
        path=path,
        sha256=digest,
        observation=checkpoint.observation,
        action=checkpoint.action,
        settings={name: getattr(checkpoint.config, name) for name in _SHAPE},
        weights={name: tensor.detach().clone() for name, tensor in network.state_dict().items()},
        statistics={name: values for name, values in statistics.items() if name.startswith("observations.")},
    )


def _of_policy(path: Path) -> Start:
    policy = Policy.load(path, "cpu")
    info = policy.info
    graph = read_model(policy.content, path.name).graph
    weights = {
        tensor.name: torch.from_numpy(np.frombuffer(tensor.raw, np.float32).reshape(tensor.dims).copy())
        for tensor in graph.initializers
        if tensor.name.startswith("actor") and tensor.element == 1
    }
    linear = [name for name in weights if name.endswith(".weight")]
    if not linear or len(info.observation.shape) != 1 or any(".actor." in name for name in weights):
        raise InputRefused(
            f"{path}: only the perceptron of a policy that was trained here can be started from, without a "
            "normaliser. Name its checkpoint or its run's folder."
        )
    hidden = [len(weights[name]) for name in sorted(linear, key=_position)][:-1]
    activation = str(info.training.config.get("activation", "tanh"))
    outputs = info.golden.outputs["logits" if info.action.type != "Box" else "mean"]
    observations = np.array(info.golden.observations, info.observation.dtype)
    return Start(
        path=path,
        sha256=policy.sha256,
        observation=info.observation,
        action=info.action,
        settings={"hidden_sizes": hidden, "activation": activation, "normalize_observations": False},
        weights=weights,
        golden=(observations, np.array(outputs, np.float32).reshape(len(observations), -1)),
    )


def _position(name: str) -> int:
    number = name.split(".")[1]
    return int(number) if number.isdecimal() else 0
