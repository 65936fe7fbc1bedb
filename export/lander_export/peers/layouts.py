"""The names that libraries give the layers of an acting network, found in a state dict.

library                          layers                       deviation             hidden activation
lander, CleanRL PPO, rsl_rl      actor.0, actor.2, ...        actor_log_std, std    tanh; rsl_rl: elu
CleanRL PPO, continuous          actor_mean.0, .2, ...        actor_logstd          tanh
CleanRL DQN, C51                 network.0, .2, ... (atoms)   -                     relu
CleanRL PPO, DQN of pixels       network.0, .2, .4, .7, ...   -                     relu
rsl_rl 4                         mlp.0, mlp.2, ...            distribution.std_...  elu
nn.Sequential                    0, 2, ...                    -                     tanh is assumed
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from lander_runtime.errors import InputRefused
from lander_runtime.text import printable

LOG_STD_NAMES = (
    "actor_logstd",
    "actor_log_std",
    "log_std",
    "logstd",
    "log_std_parameter",
    "distribution.log_std_param",
)
STD_NAMES = ("std", "distribution.std_param")
_RSL_RL_SIGNS = ("std", "log_std")
_PREFIXES = re.compile(r"^(?:module\.|_orig_mod\.)+")
"""Of DataParallel and of torch.compile."""


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
    normalised_outside: bool = False
    """Whether the library's own recipe normalises observations and keeps the statistics nowhere."""


def without_prefixes(tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """`tensors` without `module.` and `_orig_mod.` before their names.

    Raises:
        InputRefused: two would then have one name.
    """
    plain = {_PREFIXES.sub("", name): tensor for name, tensor in tensors.items()}
    if len(plain) != len(tensors):
        raise InputRefused(f"{where}: has the same names with and without module. or _orig_mod.")
    return plain


def find_layout(tensors: Mapping[str, Tensor], where: str) -> Layout:
    """Which layers act.

    Raises:
        InputRefused: no layout is known, or its layers are not where they should be.
    """
    if "actor_mean.0.weight" in tensors:
        return Layout(
            "CleanRL", _every_second(tensors, "actor_mean.", where), "tanh", normalised_outside=True
        )
    if _positions(tensors, "actor."):
        rsl_rl = any(name in tensors for name in _RSL_RL_SIGNS)
        layers = _every_second(tensors, "actor.", where)
        return Layout("rsl_rl" if rsl_rl else "actor", layers, "elu" if rsl_rl else "tanh")
    if _positions(tensors, "network."):
        return _network(tensors, where)
    if _positions(tensors, "mlp."):
        return Layout("rsl_rl", _every_second(tensors, "mlp.", where), "elu")
    if _positions(tensors, ""):
        return Layout("nn.Sequential", _every_second(tensors, "", where), "tanh")
    found = ", ".join(list(tensors)[:6]) or "nothing"
    raise InputRefused(
        f"{where}: expected the keys actor.0.weight, actor.2.weight, ... (or actor_mean., network., mlp. or "
        f"nothing before the numbers); found {printable(found[:200])}."
    )


def _network(tensors: Mapping[str, Tensor], where: str) -> Layout:
    """CleanRL's `network`: all of a Q network; of PPO on pixels all but the last layer, which is `actor`."""
    atoms = "atoms" if "atoms" in tensors else None
    if tensors["network.0.weight"].ndim != 4 if "network.0.weight" in tensors else True:
        return Layout("CleanRL", _every_second(tensors, "network.", where), "relu", atoms=atoms)
    positions = _positions(tensors, "network.")
    # Convolutions at 0, 2, 4, ReLU behind each, flattened at 6.
    if positions[:3] != [0, 2, 4] or positions[3:] != [7, 9][: len(positions) - 3]:
        raise InputRefused(
            f"{where}: expected convolutions at network.0, .2, .4 and linear layers from network.7 on; "
            f"found layers at {positions}."
        )
    head = ("actor",) if "actor.weight" in tensors else ()
    layers = (*(f"network.{position}" for position in positions[3:]), *head)
    return Layout("CleanRL", layers, "relu", convolutions="network", atoms=atoms)


def _positions(tensors: Mapping[str, Tensor], prefix: str) -> list[int]:
    pattern = re.compile(re.escape(prefix) + r"(0|[1-9]\d{0,3})\.weight")
    return sorted(int(found[1]) for name in tensors if (found := pattern.fullmatch(name)))


def _every_second(tensors: Mapping[str, Tensor], prefix: str, where: str) -> tuple[str, ...]:
    positions = _positions(tensors, prefix)
    weights: Sequence[Tensor] = [tensors[f"{prefix}{position}.weight"] for position in positions]
    if positions != list(range(0, 2 * len(positions), 2)) or any(weight.ndim != 2 for weight in weights):
        raise InputRefused(
            f"{where}: expected linear layers at {prefix}0, {prefix}2, ...; found them at {positions}."
        )
    return tuple(f"{prefix}{position}" for position in positions)
