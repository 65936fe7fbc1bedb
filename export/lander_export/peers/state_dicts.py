"""A PyTorch state dict -> its policy, by the names of its layers; what the file cannot say is asked for."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lander_export.peers.layouts import LOG_STD_NAMES, STD_NAMES, Layout, find_layout, without_prefixes
from lander_export.peers.networks import (
    AtomMean,
    ChannelsFirst,
    Divide,
    Squash,
    layers_of,
    nature_convolutions,
)
from lander_export.peers.normalizers import (
    FROM_CHECKPOINT,
    NONE,
    as_module,
    checkpoint_normalizer,
    file_normalizer,
    in_words,
    is_the_critics,
    normalizer_names,
)
from lander_export.peers.peer import (
    BARE_STATE_DICT,
    GREEDY_LOG_STD,
    GREEDY_ONLY,
    PeerOptions,
    PeerPolicy,
    PeerSpaces,
    grouped,
)
from lander_export.peers.tensors import checked, is_state_dict, load_torch
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.inert.zip_reading import LARGEST_FILE, read_bounded
from lander_runtime.policy.metadata import Training
from lander_runtime.spec import filled_bounds
from lander_runtime.text import printable
from lander_trainer.networks.layers import ACTIVATIONS

_CONTAINERS = ("model_state_dict", "actor_state_dict", "model_weights")
"""Where rsl_rl (before 4 and since) and CleanRL's C51 keep the network, in a file with other things."""
_MEMORY = re.compile(r"(^|[._])(lstm|gru|rnn)\w*\.|weight_hh_l\d")


def read_state_dict(path: Path, spaces: PeerSpaces, options: PeerOptions) -> PeerPolicy:
    """Read a state dict, or a checkpoint of rsl_rl or CleanRL that holds one.

    Raises:
        InputRefused: the file is damaged or holds more than tensors, its layers are unknown or do not fit the
            spaces, or it holds something that changes the actions and that only its user can explain.
        UsageError: an option is unknown or missing.
    """
    if options.activation is not None and options.activation not in ACTIVATIONS:
        raise UsageError(f"Unknown activation {options.activation!r}; choose from {', '.join(ACTIVATIONS)}.")
    if options.squash not in (None, "tanh", "none"):
        raise UsageError(f"Unknown --squash {options.squash!r}; choose from tanh, none.")
    tensors, ignored = _tensors(load_torch(read_bounded(path, LARGEST_FILE), str(path)), str(path))
    tensors = without_prefixes(tensors, path.name)
    layout = find_layout(tensors, path.name)
    memory = [name for name in tensors if _MEMORY.search(name)]
    if memory:
        raise InputRefused(
            f"{path.name}: has a memory ({grouped(memory)}), which is not read from state dicts."
        )
    log_std = _log_std(tensors, layout, spaces, options, path.name)
    activation = options.activation or layout.activation
    body, sizes = _network(tensors, layout, activation, spaces, path.name)
    used = {f"{layer}.{part}" for layer in layout.layers for part in ("weight", "bias")}
    used |= {name for name in tensors if layout.convolutions and re.match(r"network\.[024]\.", name)}
    rest = {name: tensor for name, tensor in tensors.items() if name not in used and name != layout.atoms}
    front, words = _front(rest, layout, spaces, options, path)
    behind, squashed = _behind(spaces, options)
    outside = [name for name in rest if name not in (*LOG_STD_NAMES, *STD_NAMES)]
    if front and options.normalizer == FROM_CHECKPOINT:
        outside = [name for name in outside if name not in normalizer_names(rest)]
    left_out = ", ".join([*([grouped(outside)] if outside else []), *ignored])
    assumed = "" if options.activation else " assumed (--activation)"
    return PeerPolicy(
        actor=nn.Sequential(*front, *body, *behind) if front or behind else nn.Sequential(*body),
        log_std=log_std,
        training=Training(
            algorithm=BARE_STATE_DICT,
            steps=None,
            seed=None,
            config={
                "hidden_sizes": sizes,
                "activation": activation,
                **({"normalisation": words} if words else {}),
                **({"sampling": GREEDY_ONLY} if log_std is not None and log_std[0] == GREEDY_LOG_STD else {}),
            },
            versions={},
            platform="unknown",
        ),
        notes=(
            f"a state dict with {layout.layers[0]} to {layout.layers[-1]}"
            + (f" ({layout.origin}'s names)" if layout.origin in ("CleanRL", "rsl_rl") else ""),
            *([f"{activation}{assumed}"] if len(layout.layers) > 1 else []),
            *(_continuous_words(squashed) if spaces.action.n is None else []),
            *([words] if words else []),
            *([f"left out: {left_out}"] if left_out else []),
        ),
    )


def _tensors(loaded: Any, where: str) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a file, and the names of what else is in it."""
    inner = next((key for key in _CONTAINERS if isinstance(loaded, Mapping) and key in loaded), None)
    if inner is None:
        found, others = loaded, {}
    else:
        found, others = loaded[inner], {key: value for key, value in loaded.items() if key != inner}
    if not is_state_dict(found):
        entries = (
            ", ".join(map(str, list(loaded)[:6])) if isinstance(loaded, Mapping) else type(loaded).__name__
        )
        raise InputRefused(
            f"{where}: expected a state dict (names to tensors of real numbers); found "
            f"{printable(entries[:200]) or 'nothing'}."
        )
    tensors = checked(found, where)
    # rsl_rl 2 keeps the statistics of observations beside the network.
    for key in [
        key for key, value in others.items() if key == "obs_norm_state_dict" and is_state_dict(value)
    ]:
        tensors |= {f"{key}.{name}": tensor for name, tensor in checked(others.pop(key), where).items()}
    return tensors, sorted(printable(str(key)[:40]) for key in others)


def _network(
    tensors: Mapping[str, Tensor], layout: Layout, activation: str, spaces: PeerSpaces, where: str
) -> tuple[list[nn.Module], list[int]]:
    """The layers, and how wide the hidden ones are."""
    observation, action = spaces.observation, spaces.action
    sizes = [tensors[f"{layer}.weight"].shape[0] for layer in layout.layers if f"{layer}.weight" in tensors]
    modules: list[nn.Module] = []
    wanted = int(action.n or np.prod(action.shape))
    atoms = 1 if layout.atoms is None else tensors[layout.atoms].numel()
    if layout.convolutions is None:
        inputs = tensors[f"{layout.layers[0]}.weight"].shape[1]
        if (inputs, sizes[-1]) != (int(np.prod(observation.shape)), wanted * atoms):
            kinds = "chooses among {} actions" if action.n else "gives {} numbers"
            raise InputRefused(
                f"{where}: takes {inputs} numbers and {kinds.format(sizes[-1] // atoms)}; "
                f"{spaces.env_id} has {int(np.prod(observation.shape))} and {wanted}."
            )
        modules += [nn.Flatten()] if len(observation.shape) > 1 else []
    else:
        planes, first = _planes(observation.shape, tensors["network.0.weight"].shape[1], where)
        convolutions, inputs = nature_convolutions(tensors, layout.convolutions, planes, where)
        modules += [*first, convolutions]
        if sizes[-1] != wanted * atoms:
            raise InputRefused(
                f"{where}: chooses among {sizes[-1] // atoms} actions; {spaces.env_id} has {wanted}."
            )
    _check_names(tensors, layout, where)
    modules += layers_of(tensors, layout.layers, ACTIVATIONS[activation], inputs=inputs, where=where)
    return [*modules, *([AtomMean(tensors[layout.atoms])] if layout.atoms else [])], sizes[:-1]


def _planes(shape: tuple[int, ...], channels: int, where: str) -> tuple[tuple[int, ...], list[nn.Module]]:
    """The shape of pictures with their channels first, and what puts them there."""
    if len(shape) == 3 and shape[0] == channels:
        return shape, []
    if len(shape) == 3 and shape[2] == channels:
        return (channels, *shape[:2]), [ChannelsFirst()]
    raise InputRefused(f"{where}: takes pictures of {channels} channels; the observations are {list(shape)}.")


def _check_names(tensors: Mapping[str, Tensor], layout: Layout, where: str) -> None:
    """A tensor at another position of the same list of layers would be a part of the network."""
    prefixes = {layer.rpartition(".")[0] for layer in layout.layers}
    for name in tensors:
        prefix, _, position = name.rpartition(".")[0].rpartition(".")
        layer = f"{prefix}.{position}" if prefix else position
        known = layer in layout.layers or (layout.convolutions and re.match(r"network\.[024]\.", name))
        if position.isdigit() and prefix in prefixes and not known:
            raise InputRefused(
                f"{where}: the actor's tensors do not fit together ({name} belongs to no layer)."
            )


def _front(
    rest: Mapping[str, Tensor], layout: Layout, spaces: PeerSpaces, options: PeerOptions, path: Path
) -> tuple[list[nn.Module], str]:
    """What comes before the network, and what to say of it."""
    scale = _pixel_scale(layout, spaces, options, path.name)
    found = normalizer_names(rest) or _of_an_observations_size(rest, spaces)
    if options.normalizer is None:
        if found:
            raise InputRefused(
                f"{path.name}: holds the normalisation of its observations "
                f"({printable(', '.join(found)[:160])}), without which the network acts wrongly. Epsilon and "
                "clipping are not in the file. Add: --normalizer checkpoint (or --normalizer FILE, or none "
                "where it was not used)"
            )
        outside = "assumed: observations not normalised (CleanRL's recipe does; --normalizer FILE)"
        return scale, outside if layout.normalised_outside else ""
    if options.normalizer == NONE:
        return scale, "observations not normalised"
    if options.normalizer == FROM_CHECKPOINT:
        tensors = {name: rest[name] for name in found}
        normalizer, origin = checkpoint_normalizer(tensors, options, path.name)
    else:
        normalizer, origin = file_normalizer(options), Path(options.normalizer).name
    if normalizer is None:
        return scale, "observations not normalised"
    return [*scale, as_module(normalizer, spaces.observation, path.name)], in_words(normalizer, origin)


def _of_an_observations_size(rest: Mapping[str, Tensor], spaces: PeerSpaces) -> list[str]:
    """Tensors that are no layer's and have a number for each of an observation's, whatever their names."""
    known = (*LOG_STD_NAMES, *STD_NAMES)
    return [
        name
        for name, tensor in rest.items()
        if tensor.squeeze().shape == spaces.observation.shape
        and name not in known
        and name.rpartition(".")[2] not in ("weight", "bias")
        and not is_the_critics(name)
    ]


def _pixel_scale(layout: Layout, spaces: PeerSpaces, options: PeerOptions, where: str) -> list[nn.Module]:
    pixels = layout.convolutions is not None or spaces.observation.dtype == "uint8"
    if options.pixel_scale is None and pixels:
        raise InputRefused(
            f"{where}: takes pixels, and what they were divided by is not in the file. "
            "Add: --pixel-scale 255 (or 1)"
        )
    scale = 1.0 if options.pixel_scale is None else options.pixel_scale
    if not 0.0 < scale < 1e9:
        raise UsageError(f"--pixel-scale {scale} should be a number above 0, such as 255.")
    return [] if scale == 1.0 else [Divide(scale)]


def _log_std(
    tensors: Mapping[str, Tensor], layout: Layout, spaces: PeerSpaces, options: PeerOptions, where: str
) -> Tensor | None:
    """Log deviations `[k]`; None where actions are discrete."""
    logs = [(name, tensors[name]) for name in LOG_STD_NAMES if name in tensors]
    logs += [(name, tensors[name].double().clamp_min(1e-30).log()) for name in STD_NAMES if name in tensors]
    if spaces.action.n is not None:
        if options.squash is not None:
            raise UsageError(f"{spaces.env_id} has discrete actions; leave --squash out.")
        if logs:
            raise InputRefused(
                f"{where}: has a deviation ({logs[0][0]}), so its actions are continuous; "
                f"{spaces.env_id} has discrete ones."
            )
        return None
    size = int(np.prod(spaces.action.shape))
    if not logs:
        if options.squash is None:
            raise UsageError(
                f"{spaces.env_id} has continuous actions, and the state dict has no deviation beside its "
                "network, so whether its outputs go through tanh is not in the file. "
                "Add: --squash tanh (or none)"
            )
        return torch.full((size,), GREEDY_LOG_STD)
    name, log_std = logs[0]
    if log_std.numel() != size:
        raise InputRefused(
            f"{where}: {name} has {log_std.numel()} numbers; {spaces.env_id} has {size} actions."
        )
    if options.squash == "tanh":
        return torch.full((size,), GREEDY_LOG_STD)
    return log_std.detach().float().reshape(size)


def _behind(spaces: PeerSpaces, options: PeerOptions) -> tuple[list[nn.Module], bool]:
    if options.squash != "tanh":
        return [], False
    low, high = (bound.ravel() for bound in filled_bounds(spaces.action))
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise UsageError(
            f"{spaces.env_id} has actions without bounds; --squash tanh has nothing to rescale to."
        )
    return [Squash(low, high)], True


def _continuous_words(squashed: bool) -> list[str]:
    return ["tanh, then rescaled to the bounds" if squashed else "actions clipped to the bounds, no tanh"]
