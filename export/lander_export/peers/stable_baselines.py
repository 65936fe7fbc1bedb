"""A zip that Stable-Baselines3's `save` wrote -> its policy, with all that its `predict` does.

    zip member                  what is read of it
    data                        JSON: the plain texts only (sb3_data)
    policy.pth                  tensors only, weights_only=True
    _stable_baselines3_version  one line of text

The optimisers and `pytorch_variables.pth` are left alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lander_export.peers.networks import (
    ChannelsFirst,
    Divide,
    QuantileMean,
    Squash,
    layers_of,
    nature_convolutions,
)
from lander_export.peers.normalizers import NONE, as_module, file_normalizer, in_words
from lander_export.peers.peer import GREEDY_LOG_STD, GREEDY_ONLY, PeerOptions, PeerPolicy, PeerSpaces, grouped
from lander_export.peers.sb3_data import Sb3Data, check_spaces, is_picture, is_transposed, read_data
from lander_export.peers.tensors import checked, is_state_dict, load_torch
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.inert.zip_reading import LARGEST_FILE, ZipMembers
from lander_runtime.policy.metadata import Training
from lander_runtime.spec import filled_bounds

_LARGEST_DATA = 2**26
_NORMALIZER_FILES = ("vec_normalize.pkl", "vecnormalize.pkl")
"""What rl-zoo calls the statistics beside a model."""


@dataclass(frozen=True)
class _Network:
    """Where the acting network of an algorithm is in its state dict."""

    body: str
    """Linear layers `body.0`, `body.2`, ..."""
    head: str | None
    """The last linear layer; None where it is the body's."""
    extractors: tuple[str, ...]
    """Where a NatureCNN may be, the first that is there."""
    others: str
    """A regular expression for the beginning of everything that does not act."""


_ACTOR_CRITIC = _Network(
    "mlp_extractor.policy_net", "action_net", ("pi_features_extractor", "features_extractor"),
    r"(value_net|mlp_extractor\.value_net|vf_features_extractor)\.|log_std$",
)  # fmt: skip
_SAC = _Network(
    "actor.latent_pi", "actor.mu", ("actor.features_extractor",), r"critic(_target)?\.|actor\.log_std(\.|$)"
)
_NETWORKS = {
    "PPO": _ACTOR_CRITIC,
    "A2C": _ACTOR_CRITIC,
    "TRPO": _ACTOR_CRITIC,
    "DQN": _Network("q_net.q_net", None, ("q_net.features_extractor",), r"q_net_target\."),
    "QR-DQN": _Network(
        "quantile_net.quantile_net", None, ("quantile_net.features_extractor",), r"quantile_net_target\."
    ),
    "SAC": _SAC,
    "TQC": _SAC,
    "TD3": _Network(
        "actor.mu", None, ("actor.features_extractor",), r"(actor_target|critic|critic_target)\."
    ),
}


def read_stable_baselines(path: Path, spaces: PeerSpaces, options: PeerOptions) -> PeerPolicy:
    """Read a zip of PPO, A2C, TRPO, DQN, QR-DQN, SAC, TD3 or TQC with an Mlp or Cnn policy.

    Raises:
        InputRefused: it is no such zip, is damaged, holds what is not known here, or does not fit the spaces.
        UsageError: an option does not go with such a file.
    """
    given = replace(options, normalizer=None, normalizer_epsilon=None, normalizer_clip=None).given
    if given:
        raise UsageError(f"{path.name} says itself what {given[0]} would; leave it out.")
    members = ZipMembers.open(path, path.name)
    data = read_data(members.read("data", _LARGEST_DATA), f"{path.name}: data")
    loaded = load_torch(members.read("policy.pth", LARGEST_FILE), f"{path.name}: policy.pth")
    if not is_state_dict(loaded):
        raise InputRefused(f"{path.name}: policy.pth is no state dict (names to tensors).")
    weights = checked(loaded, path.name)
    check_spaces(data, spaces, path.name)
    front, words = _normaliser(path, data, spaces, options)
    network = _acting_network(weights, data, spaces, path.name)
    version = _version(members)
    kind = data.activation.__name__
    if data.activation_is_usual:
        kind += f" ({data.algorithm}'s usual activation; the file names none)"
    return PeerPolicy(
        actor=nn.Sequential(*front, *network.modules),
        log_std=None if spaces.action.n else _log_std(weights, data, spaces),
        training=Training(
            algorithm=f"{data.algorithm} (Stable-Baselines3)",
            steps=data.steps,
            seed=data.seed,
            config={
                "policy": data.policy,
                "hidden_sizes": network.sizes,
                "activation": data.activation.__name__.lower(),
                **({"normalisation": words} if front else {}),
                **({"sampling": GREEDY_ONLY} if data.squash or data.gsde else {}),
            },
            versions={} if version is None else {"stable-baselines3": version},
            platform="unknown",
        ),
        notes=(
            f"{data.algorithm} of Stable-Baselines3{'' if version is None else f' {version}'}",
            kind,
            *(["tanh, then rescaled to the bounds"] if data.squash else []),
            *([words] if words else []),
            *([f"left out: {grouped(network.left_out)}"] if network.left_out else []),
        ),
    )


@dataclass(frozen=True)
class _Acting:
    modules: list[nn.Module]
    sizes: list[int]
    left_out: list[str]


def _acting_network(weights: Mapping[str, Tensor], data: Sb3Data, spaces: PeerSpaces, where: str) -> _Acting:
    network = _NETWORKS[data.algorithm]
    modules: list[nn.Module] = []
    picture = is_picture(spaces.observation)
    if picture:
        modules += [ChannelsFirst()] if is_transposed(data, spaces.observation) else []
        modules += [Divide(255.0)] if data.normalize_images else []
    shape = spaces.observation.shape
    if picture and is_transposed(data, spaces.observation):
        shape = (shape[2], *shape[:2])
    extractor = next((e for e in network.extractors if f"{e}.cnn.0.weight" in weights), None)
    if extractor is not None:
        if len(shape) != 3:
            raise InputRefused(f"{where}: takes pictures; {spaces.env_id} has observations {list(shape)}.")
        convolutions, inputs = nature_convolutions(weights, f"{extractor}.cnn", shape, where)
        dense = layers_of(weights, [f"{extractor}.linear.0"], nn.ReLU, inputs=inputs, where=where)
        modules += [convolutions, *dense, nn.ReLU()]
        inputs = weights[f"{extractor}.linear.0.weight"].shape[0]
    else:
        modules += [nn.Flatten()] if len(shape) > 1 else []
        inputs = int(np.prod(shape))
    names = [*_positions(weights, network.body), *_head(weights, network)]
    if not names:
        raise InputRefused(f"{where}: has no layers {network.body}.0, {network.body}.2, ...")
    modules += layers_of(weights, names, data.activation, inputs=inputs, where=where)
    outputs = [weights[f"{name}.weight"].shape[0] for name in names]
    modules += _behind(
        data, spaces, outputs[-1], where, clipped=names[-1].endswith("mu.0") and network is _SAC
    )
    sampled = not (data.squash or data.gsde)
    left_out = [
        name
        for name in _left_out(weights, names, extractor, network, where)
        if not (sampled and name == "log_std")
    ]
    return _Acting(modules, outputs[:-1], left_out)


def _positions(weights: Mapping[str, Tensor], body: str) -> list[str]:
    """`body.0`, `body.2`, ... as far as they go; a gap is found as a tensor that nothing needs."""
    count = 0
    while f"{body}.{2 * count}.weight" in weights:
        count += 1
    return [f"{body}.{2 * position}" for position in range(count)]


def _head(weights: Mapping[str, Tensor], network: _Network) -> list[str]:
    if network.head is None:
        return []
    # With gSDE, SAC's and TQC's mean is a layer and a limit.
    return [f"{network.head}.0" if f"{network.head}.0.weight" in weights else network.head]


def _behind(data: Sb3Data, spaces: PeerSpaces, outputs: int, where: str, *, clipped: bool) -> list[nn.Module]:
    """What comes after the last layer of a network with this many outputs."""
    action = spaces.action
    wanted = action.n or int(np.prod(action.shape))
    fits = outputs % wanted == 0 if data.algorithm == "QR-DQN" else outputs == wanted
    if not fits:
        raise InputRefused(f"{where}: gives {outputs} numbers; {spaces.env_id} has {wanted} for an action.")
    if data.algorithm == "QR-DQN":
        return [QuantileMean(wanted)]
    limit = [nn.Hardtanh(-data.clip_mean, data.clip_mean)] if clipped and data.clip_mean > 0.0 else []
    if not data.squash:
        return [*limit]
    low, high = (bound.ravel() for bound in filled_bounds(action))
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise InputRefused(f"{where}: its actions are rescaled to bounds, and {spaces.env_id} has none.")
    return [*limit, Squash(low, high)]


def _left_out(
    weights: Mapping[str, Tensor], names: list[str], extractor: str | None, network: _Network, where: str
) -> list[str]:
    """The tensors that do not act; one that is not known could be what the policy cannot do without."""
    used = [*names, *([f"{extractor}.cnn", f"{extractor}.linear.0"] if extractor else [])]
    if extractor == "pi_features_extractor":
        # The same tensors again: actor and critic share them.
        used += ["features_extractor.cnn", "features_extractor.linear.0"]
    rest = [name for name in weights if not any(name.startswith(f"{prefix}.") for prefix in used)]
    unknown = [name for name in rest if not re.match(network.others, name)]
    if unknown:
        raise InputRefused(f"{where}: has weights that are not known here: {grouped(unknown)}.")
    return rest


def _log_std(weights: Mapping[str, Tensor], data: Sb3Data, spaces: PeerSpaces) -> Tensor:
    size = int(np.prod(spaces.action.shape))
    log_std = weights.get("log_std")
    # Squashed policies and gSDE sample in ways that a mean and a deviation cannot express.
    if data.squash or data.gsde or log_std is None or log_std.shape != (size,):
        return torch.full((size,), GREEDY_LOG_STD)
    return log_std.detach().float()


def _normaliser(
    path: Path, data: Sb3Data, spaces: PeerSpaces, options: PeerOptions
) -> tuple[list[nn.Module], str]:
    """The normalisation in front of the network, and what to say of it."""
    if options.normalizer == NONE:
        return [], "observations not normalised"
    if options.normalizer is not None:
        read, name = file_normalizer(options), Path(options.normalizer).name
        if read is None:
            return [], f"observations not normalised, as {name} says"
        return [as_module(read, spaces.observation, options.normalizer)], in_words(read, name)
    beside = next((name for name in _NORMALIZER_FILES if (path.parent / name).is_file()), None)
    if data.behind_vecnormalize or beside is not None:
        why = "was trained behind VecNormalize" if data.behind_vecnormalize else f"has {beside} beside it"
        file = path.parent / (beside or "FILE.pkl")
        raise InputRefused(
            f"{path.name}: {why}, and its network needs normalised observations. Add: --vecnormalize {file} "
            "(or --normalizer none, where observations were not normalised)"
        )
    if data.behind_vecnormalize is None:
        return [], "assumed: no VecNormalize (the file does not say)"
    return [], ""


def _version(members: ZipMembers) -> str | None:
    name = "_stable_baselines3_version"
    text = members.read(name, 100).decode("ascii", "replace").strip() if name in members.names else ""
    return text if re.fullmatch(r"[\w.+-]{1,32}", text) else None
