"""A PyTorch state dict -> its policy, by the names of its layers; what the file cannot say is asked for."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from lander_export.peers.acting import SQUASHES, is_a_deviation, read_acting
from lander_export.peers.containers import read_contents
from lander_export.peers.layouts import Layout, find_layout, without_prefixes
from lander_export.peers.neighbours import check_neighbours
from lander_export.peers.networks import AtomMean, ChannelsFirst, Divide, layers_of, nature_convolutions
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
    GREEDY_ONLY,
    PeerOptions,
    PeerPolicy,
    PeerSpaces,
    grouped,
)
from lander_export.peers.tensors import load_torch
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import read_regular
from lander_runtime.inert.zip_reading import LARGEST_FILE
from lander_runtime.policy.metadata import Training
from lander_runtime.text import printable
from lander_trainer.networks.layers import ACTIVATIONS

_MEMORY = re.compile(r"(^|[._])(lstm|gru|rnn)\w*\.|weight_hh_l\d")


def read_state_dict(path: Path, spaces: PeerSpaces, options: PeerOptions) -> PeerPolicy:
    """Read a state dict, or a file that holds one among other things (containers.py).

    Raises:
        InputRefused: the file is damaged or holds more than tensors, its layers are unknown or do not fit the
            spaces, or it holds something that changes the actions and that only its user can explain.
        UsageError: an option is unknown or missing.
    """
    _check_words(options)
    contents = read_contents(load_torch(read_regular(path, LARGEST_FILE), str(path)), str(path))
    tensors = without_prefixes(contents.tensors, path.name)
    _refuse_memory(tensors, path.name)
    layout = find_layout(tensors, path.name)
    acting = read_acting(tensors, layout, spaces, options, path.name)
    tensors, halved = _without_deviations(tensors, layout, spaces)
    activation = options.activation or layout.activation
    body, sizes = _network(tensors, layout, activation, spaces, path.name)
    rest = {name: tensor for name, tensor in tensors.items() if name not in _used(tensors, layout)}
    front, words = _front(rest, layout, spaces, options, path)
    check_neighbours(rest, spaces, front_is_known=options.normalizer is not None, where=path.name)
    statistics = normalizer_names(rest) if front and options.normalizer == FROM_CHECKPOINT else ()
    outside = [name for name in rest if not is_a_deviation(name) and name not in statistics]
    left_out = [*([grouped(outside)] if outside else []), *contents.ignored]
    assumed = "" if options.activation else " assumed (--activation)"
    notes = (
        _layers_in_words(layout),
        f"{activation}{assumed}" if len(layout.layers) > 1 else "",
        halved,
        acting.words,
        words,
        f"left out: {', '.join(left_out)}" if left_out else "",
    )
    return PeerPolicy(
        actor=nn.Sequential(*front, *body, *acting.behind),
        log_std=acting.log_std,
        training=_training(
            {
                "hidden_sizes": sizes,
                "activation": activation,
                **({"normalisation": words} if words else {}),
                **({"sampling": GREEDY_ONLY} if acting.greedy_only else {}),
            }
        ),
        notes=tuple(filter(None, notes)),
    )


def _training(config: dict[str, Any]) -> Training:
    """What is known of the training of a state dict: nothing but its network."""
    return Training(
        algorithm=BARE_STATE_DICT, steps=None, seed=None, config=config, versions={}, platform="unknown"
    )


def _layers_in_words(layout: Layout) -> str:
    origin = "" if layout.origin in ("actor", "nn.Sequential") else f" ({layout.origin}'s names)"
    return f"a state dict with {layout.layers[0]} to {layout.layers[-1]}{origin}"


def _check_words(options: PeerOptions) -> None:
    """Refuse words that are none of an option's; raises `UsageError`."""
    if options.activation is not None and options.activation not in ACTIVATIONS:
        raise UsageError(f"Unknown activation {options.activation!r}; choose from {', '.join(ACTIVATIONS)}.")
    if options.squash not in (None, *SQUASHES):
        raise UsageError(f"Unknown --squash {options.squash!r}; choose from {', '.join(SQUASHES)}.")


def _refuse_memory(tensors: Mapping[str, Tensor], where: str) -> None:
    memory = [name for name in tensors if _MEMORY.search(name) and not is_the_critics(name)]
    if memory:
        raise InputRefused(f"{where}: has a memory ({grouped(memory)}), which is not read from state dicts.")


def _used(tensors: Mapping[str, Tensor], layout: Layout) -> set[str]:
    """The tensors that act, but for those of a normalisation."""
    used = {f"{layer}.{part}" for layer in layout.layers for part in ("weight", "bias")}
    used |= {name for name in tensors if layout.convolutions and re.match(r"network\.[024]\.", name)}
    return used | {layout.atoms or "", *(layout.scale_and_bias or ()), *(layout.low_and_high or ())}


def _without_deviations(
    tensors: dict[str, Tensor], layout: Layout, spaces: PeerSpaces
) -> tuple[dict[str, Tensor], str]:
    """The tensors with a last layer that gives means only, and what to say where it gave deviations too."""
    last, count = layout.layers[-1], int(np.prod(spaces.action.shape))
    weight, bias = tensors.get(f"{last}.weight"), tensors.get(f"{last}.bias")
    twice = weight is not None and bias is not None and len(weight) == len(bias) == 2 * count
    if (
        not layout.deviation_in_outputs
        or spaces.action.n is not None
        or weight is None
        or bias is None
        or not twice
    ):
        return tensors, ""
    means = {f"{last}.weight": weight[:count], f"{last}.bias": bias[:count]}
    return {**tensors, **means}, f"the first {count} of {2 * count} outputs (the others are deviations)"


def _network(
    tensors: Mapping[str, Tensor], layout: Layout, activation: str, spaces: PeerSpaces, where: str
) -> tuple[list[nn.Module], list[int]]:
    """The layers, and how wide the hidden ones are."""
    observation, action = spaces.observation, spaces.action
    sizes = [tensors[f"{layer}.weight"].shape[0] for layer in layout.layers if f"{layer}.weight" in tensors]
    modules: list[nn.Module] = []
    wanted = int(action.n or np.prod(action.shape))
    atoms = 1 if layout.atoms is None else tensors[layout.atoms].numel()
    if not atoms:
        raise InputRefused(f"{where}: {layout.atoms} holds no numbers.")
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
    return [*modules, *([AtomMean(wanted, tensors[layout.atoms].flatten())] if layout.atoms else [])], sizes[
        :-1
    ]


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
        if layout.normalised_outside is None:
            return scale, ""
        return scale, f"assumed: observations not normalised ({layout.normalised_outside}; --normalizer FILE)"
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
    return [
        name
        for name, tensor in rest.items()
        if tensor.squeeze().shape == spaces.observation.shape
        and not is_a_deviation(name)
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
