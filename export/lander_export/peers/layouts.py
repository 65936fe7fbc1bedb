"""The names that libraries give the layers of an acting network, found in a state dict.

library                  layers                                  deviation              hidden     action
lander, CleanRL PPO      actor.0, actor.2, ...                   actor_log_std          tanh       clipped
CleanRL PPO, continuous  actor_mean.0, .2, ...                   actor_logstd           tanh       clipped
CleanRL DDPG, TD3        fc1, fc2, ..., fc_mu                    -                      relu       tanh
CleanRL SAC              fc1, fc2, ..., fc_mean                  fc_logstd (a layer)    relu       tanh
CleanRL DQN, C51         network.0, .2, ... (atoms)              -                      relu       -
CleanRL, pixels          network.0, .2, .4, .7, ... (actor)      -                      relu       -
rsl_rl                   actor.0, ...; since version 4 mlp.0     std, log_std           elu        clipped
skrl, instantiated       NAME_container.0, ... (policy_layer)    log_std_parameter      elu        asked
skrl, its examples       net.0, net.2, ...                       log_std_parameter      relu       asked
TorchRL                  module.0.module.0, ... (or .0.0, ...)   half of the outputs    tanh       asked
Tianshou                 actor.preprocess.model.model.0, ...,    sigma_param            relu       asked
                         then actor.mu.model.0 or actor.last
Tianshou DQN             model.model.model.0, ...                -                      relu       -
nn.Sequential            0, 2, ...                               -                      tanh       asked

The hidden activation is what the library's own recipes use; no state dict holds it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from lander_runtime.errors import InputRefused
from lander_runtime.text import printable

_RSL_RL_SIGNS = ("std", "log_std")
_PREFIXES = re.compile(r"^(?:module\.|_orig_mod\.)+")
"""Of DataParallel and of torch.compile."""
_COMPILED = re.compile(r"(?<=\.)_orig_mod\.")
"""A part of a network that was compiled alone."""


@dataclass(frozen=True)
class Layout:
    """The layers of an acting network."""

    origin: str
    """Whose names these are, in a few words."""
    layers: tuple[str, ...]
    """Linear layers, the first first."""
    activation: str
    """The usual one of that library."""
    convolutions: str | None = None
    """The prefix of the Nature network's convolutions in front of them."""
    atoms: str | None = None
    """The name of C51's atoms."""
    normalised_outside: str | None = None
    """What in the library's own recipe normalises observations and keeps the statistics elsewhere."""
    scale_and_bias: tuple[str, str] | None = None
    """Tensors: an action is tanh(output) * scale + bias."""
    low_and_high: tuple[str, str] | None = None
    """Tensors: an action is tanh(output), rescaled from [-1, 1] to these."""
    action_is_asked: bool = False
    """Whether the library's recipes differ in what they do to the outputs, whatever the deviation."""
    deviation_in_outputs: bool = False
    """Whether the last layer may give a deviation behind each mean (TorchRL's NormalParamExtractor)."""

    @property
    def is_squashed(self) -> bool:
        """Whether the file itself says that actions go through tanh."""
        return self.scale_and_bias is not None or self.low_and_high is not None


def without_prefixes(tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """`tensors` without `module.` and `_orig_mod.` before their names.

    Raises:
        InputRefused: two would then have one name.
    """
    plain = {_COMPILED.sub("", _PREFIXES.sub("", name)): tensor for name, tensor in tensors.items()}
    if len(plain) != len(tensors):
        raise InputRefused(f"{where}: has the same names with and without module. or _orig_mod.")
    return plain


def find_layout(tensors: Mapping[str, Tensor], where: str) -> Layout:
    """Which layers act.

    Raises:
        InputRefused: no layout is known, or its layers are not where they should be.
    """
    for find in _FINDERS:
        layout = find(tensors, where)
        if layout is not None:
            return layout
    found = ", ".join(list(tensors)[:6]) or "nothing"
    raise InputRefused(
        f"{where}: expected the keys actor.0.weight, actor.2.weight, ... or others of CleanRL, rsl_rl, skrl, "
        f"TorchRL, Tianshou or nn.Sequential (docs/other-libraries.md); found {printable(found[:200])}."
    )


def _cleanrl_gaussian(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    if not _positions(tensors, "actor_mean."):
        return None
    layers = _every_second(tensors, "actor_mean.", where)
    return Layout("CleanRL", layers, "tanh", normalised_outside="CleanRL's recipe does")


def _cleanrl_squashed(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    """The actors of DDPG and TD3 (fc_mu) and SAC (fc_mean), with the rescaling as buffers."""
    buffers = ("action_scale", "action_bias")
    head = next((name for name in ("fc_mu", "fc_mean") if f"{name}.weight" in tensors), None)
    if head is None:
        return None
    if any(name not in tensors for name in buffers):
        raise InputRefused(f"{where}: has {head}, and not action_scale and action_bias, as CleanRL's actors.")
    hidden = _numbered(tensors, r"fc([1-9]\d?)")
    if hidden != list(range(1, len(hidden) + 1)):
        raise InputRefused(f"{where}: expected the layers fc1, fc2, ...; found them at {hidden}.")
    layers = (*(f"fc{position}" for position in hidden), head)
    return Layout("CleanRL", layers, "relu", scale_and_bias=buffers)


def _tianshou(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    for start in ("policy.actor.", "actor."):
        if _positions(tensors, f"{start}preprocess.model.model."):
            body = _every_second(tensors, f"{start}preprocess.model.model.", where)
            heads = [name for name in ("mu", "last") if _positions(tensors, f"{start}{name}.model.")]
            if len(heads) != 1:
                raise InputRefused(f"{where}: expected {start}mu or {start}last behind its preprocess net.")
            head = _every_second(tensors, f"{start}{heads[0]}.model.", where)
            return _tianshous((*body, *head))
    for start in ("policy.model.", "model."):
        if _positions(tensors, f"{start}model.model."):
            dueling = next((name for name in tensors if name.startswith((f"{start}Q.", f"{start}V."))), None)
            if dueling is not None:
                raise InputRefused(f"{where}: a dueling network ({printable(dueling)}), which is not read.")
            return _tianshous(_every_second(tensors, f"{start}model.model.", where))
    return None


def _tianshous(layers: tuple[str, ...]) -> Layout:
    return Layout(
        "Tianshou",
        layers,
        "relu",
        action_is_asked=True,
        normalised_outside="Tianshou's VectorEnvNormObs keeps its statistics elsewhere",
    )


def _torchrl(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    """A TensorDictModule, alone or in a loss; its network may be one of several in a Sequential.

    `without_prefixes` has taken a first `module.` away.
    """
    for start in ("", "actor_network_params.module.", "value_network_params.module."):
        for inner in ("0.module.0.", "0.module."):
            prefix = f"{start}{inner}"
            if _positions(tensors, prefix):
                bounds = (f"{start}1.action_low", f"{start}1.action_high")
                return Layout(
                    "TorchRL",
                    _every_second(tensors, prefix, where),
                    "tanh",
                    low_and_high=bounds if all(name in tensors for name in bounds) else None,
                    action_is_asked=True,
                    deviation_in_outputs=True,
                    normalised_outside="TorchRL's VecNorm keeps its statistics elsewhere",
                )
    return None


def _skrl(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    pattern = re.compile(r"(\w+_container\.)\d+\.weight")
    containers = sorted({found[1] for name in tensors if (found := pattern.fullmatch(name))})
    if len(containers) > 1:
        raise InputRefused(
            f"{where}: has several networks of skrl, whose order is not in the file: "
            f"{printable(', '.join(name.rstrip('.') for name in containers)[:160])}."
        )
    if containers:
        head = ("policy_layer",) if "policy_layer.weight" in tensors else ()
        layers = (*_every_second(tensors, containers[0], where), *head)
        return Layout("skrl", layers, "elu", action_is_asked=True)
    if _positions(tensors, "net."):
        return Layout("skrl", _every_second(tensors, "net.", where), "relu", action_is_asked=True)
    return None


def _actor(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    if not _positions(tensors, "actor."):
        return None
    rsl_rl = any(name in tensors for name in _RSL_RL_SIGNS)
    layers = _every_second(tensors, "actor.", where)
    return Layout("rsl_rl" if rsl_rl else "actor", layers, "elu" if rsl_rl else "tanh")


def _network(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    """CleanRL's `network`: all of a Q network; of PPO on pixels all but the last layer, which is `actor`."""
    positions = _positions(tensors, "network.")
    if not positions:
        return None
    atoms = "atoms" if "atoms" in tensors else None
    if tensors["network.0.weight"].ndim != 4 if "network.0.weight" in tensors else True:
        return Layout("CleanRL", _every_second(tensors, "network.", where), "relu", atoms=atoms)
    # Convolutions at 0, 2, 4, ReLU behind each, flattened at 6.
    if positions[:3] != [0, 2, 4] or positions[3:] != [7, 9][: len(positions) - 3]:
        raise InputRefused(
            f"{where}: expected convolutions at network.0, .2, .4 and linear layers from network.7 on; "
            f"found layers at {positions}."
        )
    head = ("actor",) if "actor.weight" in tensors else ()
    layers = (*(f"network.{position}" for position in positions[3:]), *head)
    return Layout("CleanRL", layers, "relu", convolutions="network", atoms=atoms)


def _mlp(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    if not _positions(tensors, "mlp."):
        return None
    return Layout("rsl_rl", _every_second(tensors, "mlp.", where), "elu")


def _sequential(tensors: Mapping[str, Tensor], where: str) -> Layout | None:
    if not _positions(tensors, ""):
        return None
    return Layout("nn.Sequential", _every_second(tensors, "", where), "tanh")


_FINDERS: Sequence[Callable[[Mapping[str, Tensor], str], Layout | None]] = (
    _cleanrl_gaussian, _cleanrl_squashed, _tianshou, _actor, _network, _mlp, _skrl, _torchrl, _sequential,
)  # fmt: skip


def _positions(tensors: Mapping[str, Tensor], prefix: str) -> list[int]:
    return _numbered(tensors, re.escape(prefix) + r"(0|[1-9]\d{0,3})")


def _numbered(tensors: Mapping[str, Tensor], pattern: str) -> list[int]:
    weight = re.compile(pattern + r"\.weight")
    return sorted(int(found[1]) for name in tensors if (found := weight.fullmatch(name)))


def _every_second(tensors: Mapping[str, Tensor], prefix: str, where: str) -> tuple[str, ...]:
    positions = _positions(tensors, prefix)
    weights: Sequence[Tensor] = [tensors[f"{prefix}{position}.weight"] for position in positions]
    if positions != list(range(0, 2 * len(positions), 2)) or any(weight.ndim != 2 for weight in weights):
        raise InputRefused(
            f"{where}: expected linear layers at {prefix}0, {prefix}2, ...; found them at {positions}."
        )
    return tuple(f"{prefix}{position}" for position in positions)
