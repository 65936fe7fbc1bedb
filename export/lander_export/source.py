"""Reads what can be exported: our checkpoints, and state dicts such as the notebook's LunarLander.pth."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lander_export.graph import ContinuousPolicyGraph, DiscretePolicyGraph, NormalisedActor, PolicyGraph
from lander_export.multi_discrete import MultiDiscretePolicyGraph
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.policy.metadata import Training
from lander_runtime.spec import EnvSpec, Space
from lander_trainer import Checkpoint, training_command
from lander_trainer.networks.layers import ACTIVATIONS, multilayer_perceptron
from lander_trainer.plan import check_trainable


@dataclass(frozen=True)
class Recipe:
    """How to train the same weights again."""

    command: str
    update: int
    """The weights are those after this update of the command."""
    updates: int
    """Number of updates that the command makes in all."""


@dataclass(frozen=True)
class Source:
    """A policy, and what its file will say about its origin."""

    graph: PolicyGraph
    """The module to export, in evaluation mode."""
    env: EnvSpec
    observation: Space
    action: Space
    training: Training
    created: str
    """ISO 8601, UTC, or `unknown`; never the time of the export, so that two exports give the same bytes."""
    reproduce: Recipe | None
    """How to train the same weights again; None if that is unknown."""


def load_source(path: Path, env: EnvSpec | None = None, activation: str | None = None) -> Source:
    """Read a checkpoint.

    Args:
        path: a `.safetensors` checkpoint of ours, or a `.pth` / `.pt` state dict with the keys
            `actor.0.weight`, `actor.0.bias`, `actor.2.weight`, ...
        env: the environment; required for a state dict, which does not name it.
        activation: of a state dict's hidden layers, `tanh` by default.

    Raises:
        InputRefused: the file is missing or damaged, or the weights do not fit the environment.
        UsageError: an argument is missing, or does not apply to this kind of file.
    """
    if not path.is_file():
        raise InputRefused(
            f"{path}: no such file. Expected a checkpoint (.safetensors) or a state dict (.pth)."
        )
    if path.suffix == ".safetensors":
        if env is not None or activation is not None:
            raise UsageError(
                f"{path.name} names its environment itself; --env and --activation are for state dicts."
            )
        return _from_checkpoint(Checkpoint.load(path))
    if env is None:
        raise UsageError(f"{path.name} does not name its environment. Add: --env LunarLander-v3")
    return _from_state_dict(_read_state_dict(path), path.name, env, activation or "tanh")


def _from_checkpoint(checkpoint: Checkpoint) -> Source:
    config, progress = checkpoint.config, checkpoint.progress
    found = check_trainable(checkpoint.env)
    if [space.form for space in found] != [checkpoint.observation.form, checkpoint.action.form]:
        raise InputRefused(
            f"The checkpoint's spaces are not those of {checkpoint.env.id} as it is installed here."
        )
    return Source(
        graph=_graph_of(checkpoint),
        env=checkpoint.env,
        observation=checkpoint.observation,
        action=checkpoint.action,
        training=Training(
            algorithm="PPO",
            steps=progress.steps,
            seed=config.seed,
            config=config.to_dict(),
            versions=checkpoint.versions,
            platform=checkpoint.platform,
        ),
        created=checkpoint.created,
        # The weights may be from before the last update: of a stopped run, or the best ones of any run.
        # With a time limit they depend on the machine's speed, so no command reproduces them.
        reproduce=None
        if progress.resumed or config.time_limit is not None
        else Recipe(
            training_command(config, checkpoint.observation, last_weights=progress.updates == config.updates),
            progress.updates,
            config.updates,
        ),
    )


def _graph_of(checkpoint: Checkpoint) -> PolicyGraph:
    network, frozen = checkpoint.network(), checkpoint.normaliser().frozen
    policy = network.policy()
    actor = policy if frozen is None else NormalisedActor(policy, *frozen)
    if checkpoint.action.nvec:
        return MultiDiscretePolicyGraph(actor, checkpoint.action.nvec).eval()
    if network.actor_log_std is None:
        return DiscretePolicyGraph(actor).eval()
    return ContinuousPolicyGraph(actor, network.actor_log_std.detach(), checkpoint.action).eval()


def _read_state_dict(path: Path) -> Mapping[str, Tensor]:
    try:
        # weights_only: a pickle from an unknown source can run code; this reader takes tensors only.
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged pickle can raise anything.
        # Without PyTorch's own message, which advises to open the file unsafely.
        raise InputRefused(
            f"{path}: not a plain PyTorch state dict ({type(error).__name__}). "
            "A file that holds more than tensors is not opened; save model.state_dict() alone."
        ) from error
    if not isinstance(loaded, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) and value.is_floating_point()
        for name, value in loaded.items()
    ):
        raise InputRefused(f"{path}: expected a state dict (names to tensors of real numbers).")
    return loaded


def _from_state_dict(weights: Mapping[str, Tensor], name: str, env: EnvSpec, activation: str) -> Source:
    if activation not in ACTIVATIONS:
        raise UsageError(f"Unknown activation {activation!r}; choose from {', '.join(ACTIVATIONS)}.")
    observation, action = check_trainable(env)
    if action.n is None:
        kind = "continuous" if action.type == "Box" else action.type
        raise UsageError(
            f"{env.id} has {kind} actions; a bare state dict is read for Discrete ones only. "
            "Train with: lander train " + env.id
        )
    positions = sorted(
        int(m[1]) for key in weights if (m := re.fullmatch(r"actor\.(0|[1-9]\d*)\.weight", key))
    )
    if not positions:
        found = ", ".join(list(weights)[:6]) or "nothing"
        raise InputRefused(f"{name}: expected the keys actor.0.weight, actor.2.weight, ...; found {found}.")
    layers = [weights[f"actor.{position}.weight"] for position in positions]
    if positions != list(range(0, 2 * len(positions), 2)) or any(layer.ndim != 2 for layer in layers):
        raise InputRefused(
            f"{name}: expected linear layers at actor.0, actor.2, ...; found them at {positions}."
        )
    sizes = [layers[0].shape[1], *(layer.shape[0] for layer in layers)]
    if (sizes[0], sizes[-1]) != (observation.shape[0], action.n):
        raise InputRefused(
            f"{name}: takes {sizes[0]} numbers and chooses among {sizes[-1]} actions; "
            f"{env.id} has {observation.shape[0]} and {action.n}."
        )
    actor = multilayer_perceptron(sizes, activation, last_gain=1.0)
    prefix = "actor."
    try:
        actor.load_state_dict(
            {k.removeprefix(prefix): t.float() for k, t in weights.items() if k.startswith(prefix)}
        )
    except RuntimeError as error:
        raise InputRefused(f"{name}: the actor's tensors do not fit together ({error}).") from error
    training = Training(
        algorithm="unknown (bare state dict)",
        steps=None,
        seed=None,
        config={"hidden_sizes": sizes[1:-1], "activation": activation},
        versions={},
        platform="unknown",
    )
    graph = DiscretePolicyGraph(actor).eval()
    return Source(graph, env, observation, action, training, created="unknown", reproduce=None)
