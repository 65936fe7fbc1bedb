"""From the outputs of a state dict's network to actions: the deviation, tanh, and the way to the bounds.

--squash   action                                            libraries
none       outputs, clipped to the bounds                    CleanRL PPO, rsl_rl, skrl
tanh       tanh(outputs), rescaled from [-1, 1]              SAC, TD3, TorchRL's TanhNormal
clip       outputs clipped to [-1, 1], rescaled from there   Tianshou's PPO
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lander_export.peers.layouts import Layout
from lander_export.peers.networks import Rescale, Squash, TanhScale
from lander_export.peers.peer import GREEDY_LOG_STD, PeerOptions, PeerSpaces
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.spec import Space, filled_bounds
from lander_runtime.text import printable

SQUASHES = ("tanh", "clip", "none")

_LOG_STD = re.compile(
    r"(policy\.|actor\.)*(actor_logstd|actor_log_std|log_std|logstd|log_std_parameter|sigma_param)"
    r"|distribution\.log_std_param"
)
_STD = re.compile(r"std|distribution\.std_param")
_UNKNOWN_SCALE = re.compile(r"(.*\.)?state_independent_scale")
"""TorchRL's, behind one of five mappings that no state dict names."""


@dataclass(frozen=True)
class Acting:
    """What becomes of a network's outputs."""

    behind: list[nn.Module]
    """Outputs `[batch, k]` -> actions, not yet clipped to the bounds."""
    log_std: Tensor | None
    """`[k]`; None where actions are discrete."""
    words: str
    """What to say of it; empty where actions are discrete."""

    @property
    def greedy_only(self) -> bool:
        """Whether the schema cannot express how the policy samples."""
        return self.log_std is not None and bool((self.log_std == GREEDY_LOG_STD).all())


def is_a_deviation(name: str) -> bool:
    """Whether a tensor is the deviation of actions."""
    return any(pattern.fullmatch(name) for pattern in (_LOG_STD, _STD, _UNKNOWN_SCALE))


def read_acting(
    tensors: Mapping[str, Tensor], layout: Layout, spaces: PeerSpaces, options: PeerOptions, where: str
) -> Acting:
    """What follows the last layer.

    Raises:
        InputRefused: the file's deviation or bounds do not fit the environment's actions.
        UsageError: the file does not say what becomes of the outputs, or `--squash` does not go with it.
    """
    logs = {name: tensor for name, tensor in tensors.items() if _LOG_STD.fullmatch(name)}
    logs |= {
        name: tensor.double().clamp_min(1e-30).log()
        for name, tensor in tensors.items()
        if _STD.fullmatch(name)
    }
    name = next(iter(logs), None)
    if spaces.action.n is not None:
        _check_discrete(name or (layout.is_squashed and layout.layers[-1]) or None, spaces, options, where)
        return Acting([], None, "")
    size = int(np.prod(spaces.action.shape))
    if name is not None and logs[name].numel() != size:
        raise InputRefused(
            f"{where}: {printable(name)} has {logs[name].numel()} numbers; {spaces.env_id} has {size} "
            "actions."
        )
    greedy = torch.full((size,), GREEDY_LOG_STD)
    if layout.is_squashed:
        if options.squash is not None:
            raise UsageError(f"{where} says itself what becomes of its outputs; leave --squash out.")
        behind, words = _as_the_file_says(tensors, layout, spaces, where)
        return Acting(behind, greedy, words)
    squash = _squash(layout, spaces, options, known=name is not None)
    log_std = greedy if name is None or squash == "tanh" else logs[name].detach().float().reshape(size)
    if squash == "none":
        return Acting([], log_std, "actions clipped to the bounds, no tanh")
    low, high = _finite_bounds(spaces, squash)
    if squash == "tanh":
        return Acting([Squash(low, high)], log_std, "tanh, then rescaled to the bounds")
    if name is not None:
        log_std = log_std + torch.from_numpy(np.log((high - low) / 2.0).astype("float32"))
    return Acting([Rescale(low, high)], log_std, "clipped to [-1, 1], then rescaled to the bounds")


def _check_discrete(continuous: str | None, spaces: PeerSpaces, options: PeerOptions, where: str) -> None:
    if options.squash is not None:
        raise UsageError(f"{spaces.env_id} has discrete actions; leave --squash out.")
    if continuous is not None:
        raise InputRefused(
            f"{where}: has {printable(continuous)}, so its actions are continuous; {spaces.env_id} has "
            "discrete ones."
        )


def _squash(layout: Layout, spaces: PeerSpaces, options: PeerOptions, *, known: bool) -> str:
    """What becomes of the outputs; `known` is whether there is a deviation, which squashed actors lack."""
    if options.squash is not None:
        return options.squash
    if layout.action_is_asked:
        raise UsageError(
            f"{spaces.env_id} has continuous actions, and whether {layout.origin} puts the outputs through "
            "tanh or clips them to [-1, 1] before it rescales them to the bounds is not in a state dict. "
            "Add: --squash tanh (or clip, or none)"
        )
    if not known:
        raise UsageError(
            f"{spaces.env_id} has continuous actions, and the state dict has no deviation beside its "
            "network, so whether its outputs go through tanh is not in the file. "
            "Add: --squash tanh (or none)"
        )
    return "none"


def _as_the_file_says(
    tensors: Mapping[str, Tensor], layout: Layout, spaces: PeerSpaces, where: str
) -> tuple[list[nn.Module], str]:
    if layout.scale_and_bias is not None:
        scale, bias = (_numbers(tensors[name], name, spaces, where) for name in layout.scale_and_bias)
        _check_bounds(bias - scale, bias + scale, spaces.action, spaces.env_id, where)
        return [TanhScale(scale, bias)], f"tanh, then {' and '.join(layout.scale_and_bias)}"
    low, high = (_numbers(tensors[name], name, spaces, where) for name in layout.low_and_high or ())
    _check_bounds(low, high, spaces.action, spaces.env_id, where)
    return [Squash(low, high)], "tanh, then rescaled to the bounds in the file"


def _numbers(tensor: Tensor, name: str, spaces: PeerSpaces, where: str) -> np.ndarray:
    """A tensor of one number, or one for each of an action's `[k]`."""
    size = int(np.prod(spaces.action.shape))
    if tensor.numel() not in (1, size):
        raise InputRefused(
            f"{where}: {printable(name)} has {tensor.numel()} numbers; {spaces.env_id} has {size} actions."
        )
    return np.broadcast_to(tensor.detach().float().numpy().ravel(), (size,)).copy()


def _check_bounds(low: np.ndarray, high: np.ndarray, action: Space, env_id: str, where: str) -> None:
    bounds = [bound.ravel() for bound in filled_bounds(action)]
    if not np.allclose(low, bounds[0], rtol=1e-5) or not np.allclose(high, bounds[1], rtol=1e-5):
        raise InputRefused(
            f"{where}: was trained with actions from {low.tolist()[:8]} to {high.tolist()[:8]}; {env_id} has "
            f"{bounds[0].tolist()[:8]} to {bounds[1].tolist()[:8]}."
        )


def _finite_bounds(spaces: PeerSpaces, squash: str) -> tuple[np.ndarray, np.ndarray]:
    low, high = (bound.ravel() for bound in filled_bounds(spaces.action))
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise UsageError(
            f"{spaces.env_id} has actions without bounds; --squash {squash} has nothing to rescale to."
        )
    return low, high
