"""Checkpoints: one safetensors file, weights and states as tensors, all else as JSON in its header.

No pickle anywhere, so opening a checkpoint from an unknown source runs no code from it.

    network.<key>              the actor-critic's state dict
    optimizer.<i>.<name>       Adam's state of parameter i: step, exp_avg, exp_avg_sq
    lanes.<name>               the environments' running episodes, from a backend that can restore them
    collector.<name>           last observations and returns so far of these episodes
    normaliser.<name>          means and deviations of observations and returns, if the settings normalise
    header `lander.checkpoint` environment, spaces, settings, progress, versions, random generator
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import atomic_write, open_regular
from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.summary import LARGEST_NUMBER
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.text import LONGEST, quoted, shortened
from lander_trainer.config import TrainConfig
from lander_trainer.networks.actor_critic import ActorCritic, misfit
from lander_trainer.networks.build import build_network
from lander_trainer.ppo.normaliser import Normaliser

METADATA_KEY = "lander.checkpoint"
SCHEMA = "1.0"

_LARGEST = 4 * 2**30
"""Bytes of a file; Doom's largest has 30 million, most of them the actions of running episodes."""

_LARGEST_HEADER = 8 << 20
"""Bytes. As objects of Python a header takes twenty times as much and more."""

_MOST_TENSORS = 10_000
"""An actor-critic of a hundred layers has a thousand, with the state of its optimiser."""


_MOST_COUNTED, _MOST_SECONDS = 2**60, 1e10
"""Updates, steps and episodes of a run, and three hundred years."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run."""

    updates: int = 0
    steps: int = 0
    """Environment steps, dummy rows not counted."""
    episodes: int = 0
    seconds: float = 0.0
    """Wall-clock time spent training, without interruptions."""
    best_score: float | None = None
    """Best mean return on the selection seeds so far."""
    resumed: bool = False
    """Whether the run was ever resumed in such a way that its settings alone do not reproduce it."""


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a checkpoint file."""

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
    """By name; the table at the top of this file lists the names."""
    rng: dict[str, Any] = field(default_factory=dict)
    """NumPy's state of the random generator that draws actions and the order of rows."""

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
            "rng": self.rng,
        }
        content = save(self.tensors, metadata={METADATA_KEY: json.dumps(header, allow_nan=False)})
        with atomic_write(path) as temporary:
            temporary.write_bytes(content)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint onto the CPU.

        Raises:
            InputRefused: it is missing, not safetensors, not ours, of an unknown major version, or damaged.
        """
        metadata, tensors = _read(path)
        if METADATA_KEY not in metadata:
            raise InputRefused(f"{path}: a safetensors file, but not a checkpoint of lander.")
        fields = Fields.parse(metadata[METADATA_KEY], path.name)
        schema = fields.text("schema")
        if schema.split(".")[0] != SCHEMA.split(".")[0]:
            raise InputRefused(
                f"{path}: written in checkpoint schema {shortened(schema, 40)}; this version reads 1.x."
            )
        config = _read_config(fields.plain("config"), path)
        env = EnvSpec.from_json(fields.child("env"))
        if config.env != env.id:
            raise InputRefused(
                f"{path}: its settings name the environment {quoted(config.env)}, not {env.id}."
            )
        return cls(
            env=env,
            observation=Space.from_json(fields.child("observation")),
            action=Space.from_json(fields.child("action")),
            config=config,
            progress=_read_progress(fields.child("progress")),
            versions=fields.texts("versions"),
            platform=fields.text("platform"),
            created=fields.text("created"),
            tensors=tensors,
            rng=fields.mapping("rng") if "rng" in fields.data else {},
        )

    def network(self) -> ActorCritic:
        """The actor-critic with these weights, on the CPU.

        Raises:
            InputRefused: the weights do not fit the settings in the header.
        """
        reason = misfit(self.observation, self.action, len(self.config.channels))
        if reason is not None:
            raise InputRefused(f"The checkpoint's environment has {reason}.")
        weights = {
            name.removeprefix("network."): t
            for name, t in self.tensors.items()
            if name.startswith("network.")
        }
        # Compared before memory of the size that the header claims is allocated. A network of the user's own
        # has the size that its user gave it.
        with torch.device("meta" if self.config.network is None else "cpu"):
            claimed = build_network(self.observation, self.action, self.config).state_dict()
        # Their types too: whole numbers would be taken as floats without a word.
        forms = [{name: (t.shape, t.dtype) for name, t in each.items()} for each in (claimed, weights)]
        if forms[0] != forms[1]:
            raise InputRefused("The weights do not fit the settings that they are stored with.")
        network = build_network(self.observation, self.action, self.config)
        network.load_state_dict(weights)
        return network

    def normaliser(self) -> Normaliser:
        """The normaliser of the network's observations.

        Raises:
            InputRefused: its state is missing, or does not fit the settings in the header.
        """
        normaliser = Normaliser(self.config, self.observation.shape)
        normaliser.restore(self.arrays("normaliser"), lanes=False)
        return normaliser

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """The tensors whose names start with `prefix` and a dot, under the rest of their names.

        Raises:
            InputRefused: a tensor has a type that NumPy lacks, such as bfloat16.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for name, tensor in self.tensors.items():
            if name.startswith(f"{prefix}."):
                try:
                    arrays[name.removeprefix(f"{prefix}.")] = tensor.numpy()
                except TypeError as error:
                    raise InputRefused(f"{quoted(name)} in the checkpoint is of {tensor.dtype}.") from error
        return arrays


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a safetensors file. Its reader checks that every tensor is all there."""
    # Closed at once: safetensors opens files by their names only. It never waits for a regular one.
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        header = int.from_bytes(file.read(8), "little")
    if size > _LARGEST:
        raise InputRefused(f"{path}: {size / 1e9:.1f} GB are too much for a checkpoint.")
    if _LARGEST_HEADER < header <= size:
        raise InputRefused(f"{path}: a header of {header:,} bytes is too much for a checkpoint.")
    try:
        with safe_open(path, framework="pt") as opened:
            names = list(opened.keys())
            if len(names) > _MOST_TENSORS:
                raise InputRefused(
                    f"{path}: expected at most {_MOST_TENSORS:,} tensors, found {len(names):,}."
                )
            return opened.metadata() or {}, {name: opened.get_tensor(name) for name in names}
    except (OSError, SafetensorError, TypeError, ValueError, RuntimeError) as error:
        raise InputRefused(f"{path}: not a readable safetensors file ({shortened(str(error))}).") from error


def _read_progress(fields: Fields) -> Progress:
    progress = Progress(
        updates=fields.count("updates"),
        steps=fields.count("steps"),
        episodes=fields.count("episodes"),
        seconds=fields.number("seconds"),
        best_score=fields.optional_number("best_score"),
        resumed=bool(fields.data.get("resumed", False)),
    )
    # What is counted on from here must stay what a checkpoint can hold.
    for name in ("updates", "steps", "episodes"):
        if getattr(progress, name) > _MOST_COUNTED:
            raise fields.wrong(name, f"at most {_MOST_COUNTED:,}", getattr(progress, name))
    if not 0 <= progress.seconds < _MOST_SECONDS:
        raise fields.wrong("seconds", f"from 0 to {_MOST_SECONDS:g}", progress.seconds)
    best = progress.best_score
    if best is not None and not -LARGEST_NUMBER < best < LARGEST_NUMBER:
        raise fields.wrong("best_score", f"below {LARGEST_NUMBER:g}", best)
    return progress


def _read_config(values: dict[str, Any], path: Path) -> TrainConfig:
    known = {name: value for name, value in values.items() if name in TrainConfig.__dataclass_fields__}
    for name in ("env_kwargs", "shaping", "init", "network"):
        # They stand in the command that trains again, which is shown in one piece.
        _check_texts(known.get(name), f"{path}: {name}")
    try:
        return TrainConfig().with_values(known)
    except UsageError as error:
        raise InputRefused(f"{path}: a setting in it is impossible. {error}") from error


def _check_texts(value: Any, where: str) -> None:
    if isinstance(value, str) and len(value) > LONGEST:
        raise InputRefused(f"{where} holds {quoted(value)}; expected at most {LONGEST} characters.")
    entries = [*value, *value.values()] if isinstance(value, dict) else value
    for entry in entries if isinstance(entries, list) else ():
        _check_texts(entry, where)


def named_tensors(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Arrays as the tensors of a checkpoint; `Checkpoint.arrays` is the inverse."""
    return {f"{prefix}.{name}": torch.from_numpy(array) for name, array in arrays.items()}


def network_tensors(network: ActorCritic) -> dict[str, Tensor]:
    """A copy of the weights under their names in a checkpoint."""
    return {f"network.{name}": t.detach().cpu().clone() for name, t in network.state_dict().items()}
