"""Reads what can be exported: our checkpoints, other libraries' ones, and bare state dicts."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lander_export.graph import ContinuousPolicyGraph, DiscretePolicyGraph, NormalisedActor, PolicyGraph
from lander_export.multi_discrete import MultiDiscretePolicyGraph
from lander_export.peers import PeerOptions, PeerPolicy, read_stable_baselines, read_state_dict
from lander_export.peers.peer import PeerSpaces
from lander_runtime.envs import registered_by_user
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import is_text, near_miss, open_regular, read_regular
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.content import USUAL_FILE_BYTES
from lander_runtime.policy.metadata import Training
from lander_runtime.shipped import runs_near
from lander_runtime.spec import EnvSpec, Space
from lander_trainer import Checkpoint, training_command
from lander_trainer.plan import check_trainable

RESUMED = (
    "the run was resumed with other settings, or where its episodes could not be continued. Settings and "
    "versions below are those of its last part."
)
"""Why no command repeats the weights of such a run."""


@dataclass(frozen=True)
class Recipe:
    """How to train the same weights again."""

    command: str
    update: int
    """The weights are those after this update of the command."""
    updates: int
    """Number of updates that the command makes in all."""
    module: bool = False
    """Whether MODULE in it stands for the module that registers the environment."""


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
    reproduce: Recipe | str | None
    """How to train the same weights again, or why no command does; None if that is unknown."""
    license: str = "unknown"
    """What the file says where its user says nothing."""
    notes: tuple[str, ...] = ()
    """What was found, assumed and left out of another library's file, in a few words each."""


def load_source(
    path: Path,
    env: EnvSpec | None = None,
    activation: str | None = None,
    options: PeerOptions = PeerOptions(),  # noqa: B008 (frozen)
    typed: Sequence[str] = (),
) -> Source:
    """Read a checkpoint.

    Args:
        path: a `.safetensors` checkpoint of ours, a `.zip` of Stable-Baselines3, or a PyTorch state dict
            (`.pth`, `.pt`).
        env: the environment; required for files that are not ours, which do not name it.
        activation: of a state dict's hidden layers; its library's usual one by default.
        options: what else another library's file does not say.
        typed: options that the user typed, for a command to be pasted.

    Raises:
        InputRefused: the file is missing or damaged, holds what is not known here, or does not fit the
            environment.
        UsageError: an argument is missing, or does not apply to this kind of file.
    """
    if not path.exists():
        raise InputRefused(
            f"{path} does not exist. Expected a checkpoint (.safetensors, .zip) or a state dict (.pth)."
            f"{near_miss(path) or runs_near(path)}"
        )
    # Says what is there instead of a file.
    with open_regular(path) as file:
        start = file.read(2048)
    if is_text(start):
        raise InputRefused(f"{path}: not a checkpoint; it is text.")
    if path.suffix == ".safetensors":
        if env is not None or activation is not None:
            raise UsageError(
                f"{path.name} names its environment itself; --env and --activation are for state dicts."
            )
        if options.given:
            raise UsageError(f"{path.name} says itself what {options.given[0]} would; leave it out.")
        return _from_checkpoint(Checkpoint.load(path))
    if path.suffix == ".onnx":
        raise InputRefused(f"{path}: an ONNX file already. Type: {_command_for(path, typed)}")
    if env is None:
        raise UsageError(f"{path.name} does not name its environment. Add: --env LunarLander-v3")
    return _from_peer(path, env, replace(options, activation=activation))


def _command_for(policy: Path, typed: Sequence[str]) -> str:
    """What to type with an ONNX file; one that is not ours does not name its environment."""
    try:
        model = read_model(read_regular(policy, USUAL_FILE_BYTES), policy.name)
        own = model.metadata is not None
    except InputRefused:
        own = False
    return shlex.join(["lander", "eval", str(policy), *([] if own else ["--env", "ID"]), *typed])


def _from_peer(path: Path, env: EnvSpec, options: PeerOptions) -> Source:
    observation, action = check_trainable(env)
    read = read_stable_baselines if path.suffix == ".zip" else read_state_dict
    policy = read(path, PeerSpaces(env.id, observation, action), options)
    return Source(
        peer_graph(policy, action), env, observation, action, policy.training, created="unknown",
        reproduce=None, notes=policy.notes,
    )  # fmt: skip


def peer_graph(policy: PeerPolicy, action: Space) -> PolicyGraph:
    """Another library's policy as the module that is exported, in evaluation mode."""
    if policy.log_std is None:
        return DiscretePolicyGraph(policy.actor).eval()
    return ContinuousPolicyGraph(policy.actor, policy.log_std, action).eval()


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
        license="MIT",
        reproduce=_recipe(checkpoint),
    )


def _recipe(checkpoint: Checkpoint) -> Recipe | str | None:
    config, done = checkpoint.config, checkpoint.progress.updates
    if config.time_limit is not None or config.network is not None:
        return None  # The settings themselves say why.
    if checkpoint.progress.resumed:
        return RESUMED
    # The weights may be from before the last update: of a stopped run, or the best ones of any run.
    command = training_command(config, checkpoint.observation, last_weights=done == config.updates)
    # A file never carries an import, so the name of the module is not known here.
    own = registered_by_user(checkpoint.env.id)
    return Recipe(f"{command} --import MODULE" if own else command, done, config.updates, own)


def _graph_of(checkpoint: Checkpoint) -> PolicyGraph:
    network, frozen = checkpoint.network(), checkpoint.normaliser().frozen
    policy = network.policy()
    actor = policy if frozen is None else NormalisedActor(policy, *frozen)
    if checkpoint.action.nvec:
        return MultiDiscretePolicyGraph(actor, checkpoint.action.nvec).eval()
    if network.actor_log_std is None:
        return DiscretePolicyGraph(actor).eval()
    return ContinuousPolicyGraph(actor, network.actor_log_std.detach(), checkpoint.action).eval()
