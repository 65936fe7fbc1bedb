"""What a PyTorch file holds beside the acting network: optimisers, critics, statistics, counters.

file                                            the network is under
a state dict                                    -
rsl_rl                                          model_state_dict; since version 4 actor_state_dict
CleanRL, C51                                    model_weights
CleanRL, DDPG and TD3: a tuple of state dicts   the first
skrl                                            policy or q_network, beside the preprocessors' state dicts
Tianshou's examples and others                  model, actor
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lander_export.peers.normalizers import normalizer_names
from lander_export.peers.tensors import checked, is_state_dict
from lander_runtime.errors import InputRefused
from lander_runtime.text import printable

_CONTAINERS = (
    *("model_state_dict", "actor_state_dict", "policy_state_dict", "model_weights"),
    *("policy", "actor", "q_network", "model"),
)
_AMONG_TENSORS = re.compile(r"_optimizers|(.*\.)?__(batch_size|device)")
"""What Tianshou and TorchRL put among the tensors of a state dict."""


@dataclass(frozen=True)
class Contents:
    """A file, taken apart."""

    tensors: dict[str, Tensor]
    """The acting network, and the statistics of observations that are beside it."""
    ignored: list[str]
    """The names of everything else."""


def read_contents(loaded: Any, where: str) -> Contents:
    """Find the acting network in what `torch.load` gave.

    Raises:
        InputRefused: there is none, or a tensor is not plain numbers.
    """
    found, others = _network_and_rest(loaded)
    if isinstance(found, Mapping):
        among = {key: value for key, value in found.items() if _AMONG_TENSORS.fullmatch(str(key))}
        found = {key: value for key, value in found.items() if key not in among}
        others |= among
    if not is_state_dict(found):
        raise InputRefused(
            f"{where}: expected a state dict (names to tensors of real numbers); found "
            f"{printable(_in_words(loaded)[:200]) or 'nothing'}."
        )
    tensors = checked(found, where)
    ignored: list[str] = []
    for key, value in others.items():
        beside = {f"{key}.{name}": tensor for name, tensor in value.items()} if _is_full(value) else {}
        if normalizer_names(beside):
            tensors |= checked(beside, where)
        elif value is not None and normalizer_names([str(key)]):
            raise InputRefused(
                f"{where}: holds {printable(str(key)[:40])} beside its network, which looks like the "
                "normalisation of its observations and is no state dict. Save the network's state_dict() "
                "alone, and give the statistics with --normalizer FILE"
            )
        else:
            ignored.append(printable(str(key)[:40]))
    return Contents(tensors, sorted(ignored))


def _network_and_rest(loaded: Any) -> tuple[Any, dict[Any, Any]]:
    if isinstance(loaded, tuple | list) and loaded and all(_is_full(part) for part in loaded):
        rest = {f"state dict {position} of the tuple": part for position, part in enumerate(loaded[1:], 2)}
        return loaded[0], rest
    if not isinstance(loaded, Mapping):
        return loaded, {}
    inner = next((key for key in _CONTAINERS if isinstance(loaded.get(key), Mapping) and loaded[key]), None)
    if inner is None:
        return loaded, {}
    return loaded[inner], {key: value for key, value in loaded.items() if key != inner}


def _is_full(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and is_state_dict(value)


def _in_words(loaded: Any) -> str:
    if isinstance(loaded, Mapping):
        return ", ".join(map(str, list(loaded)[:6]))
    return type(loaded).__name__
