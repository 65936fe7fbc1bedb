"""Networks beside the actor in a state dict that may stand in front of it or behind it.

A state dict does not say how its networks are connected. An encoder that gives as many numbers as an
observation has would be left out, and every size would still fit.
"""

import re
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from lander_export.peers.normalizers import is_the_critics
from lander_export.peers.peer import PeerSpaces
from lander_runtime.errors import InputRefused
from lander_runtime.text import printable

_OTHERS = re.compile(
    r"(?i)(^|[._])(critic|value|vf|qf?\d*|target|old|ema|best|teacher|reward|rnd|predictor|discriminator|"
    r"dynamics|transition|decoder|inverse|forward|optimi[sz]er)"
)
"""Networks of a training that an actor does not need."""

_MASK = re.compile(r"(?i)(^|[._])(\w*_)?masks?$")


def check_neighbours(
    rest: Mapping[str, Tensor], spaces: PeerSpaces, *, front_is_known: bool, where: str
) -> None:
    """Refuse what would change the actions and is no part of the actor, as far as sizes tell.

    Args:
        rest: the tensors that are left out.
        spaces: of the environment.
        front_is_known: the user has said what comes before the network.
        where: the file.

    Raises:
        InputRefused: a network may stand in front of the actor or behind it, or there is a mask of actions.
    """
    observation = int(np.prod(spaces.observation.shape))
    actions = int(spaces.action.n or np.prod(spaces.action.shape))
    for name, tensor in rest.items():
        if _MASK.search(name) and tensor.numel() == actions:
            raise InputRefused(
                f"{where}: {printable(name)} may forbid actions, and is not read. Take it out of the file "
                "where the policy acts without it, or export the policy as ONNX with it inside."
            )
    for name, (takes, gives) in _networks(rest).items():
        shown = printable(name)[:80]
        if (takes, gives) == (observation, observation) and not front_is_known:
            raise InputRefused(
                f"{where}: {shown} takes observations and gives as many numbers, so it may stand in front of "
                "the actor. Where it does not, say: --normalizer none. Where it does, export the whole "
                "policy as ONNX."
            )
        if (takes, gives) == (actions, actions) and observation != actions:
            raise InputRefused(
                f"{where}: {shown} takes what the actor gives and gives as many numbers, so it may stand "
                "behind it. Take it out of the file where it does not, or export the whole policy as ONNX."
            )


def _networks(rest: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """How many numbers each network of linear layers takes and gives, by what their names begin with."""
    found: dict[str, tuple[int, int]] = {}
    for name, tensor in rest.items():
        layer, _, part = name.rpartition(".")
        if part != "weight" or tensor.ndim != 2 or is_the_critics(name) or _OTHERS.search(name):
            continue
        network = layer.rpartition(".")[0] or layer
        takes = found[network][0] if network in found else tensor.shape[1]
        found[network] = takes, tensor.shape[0]
    return found
