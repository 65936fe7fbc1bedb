"""The normalisation of observations that a policy was trained behind, from wherever its library keeps it.

    library          formula                              epsilon  clip   its names
    Gymnasium, SB3   (obs - mean) / sqrt(var + epsilon)   1e-8     10     obs_rms.mean, obs_rms.var
    rl_games         the same                             1e-5     5      running_mean_std.running_mean, ...
    skrl             (obs - mean) / (sqrt(var) + epsilon) 1e-8     5      running_mean, running_variance
    rsl_rl           (obs - mean) / (std + epsilon)       1e-2     none   obs_normalizer._mean, ._var, ._std

Only mean and variance are in a state dict. Epsilon and clipping are the library's usual ones where none are
given.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lander_export.peers.inert.vecnormalize import read_vecnormalize
from lander_export.peers.inert.zip_reading import ZipMembers
from lander_export.peers.networks import Normalise
from lander_export.peers.peer import PeerOptions
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import read_regular
from lander_runtime.spec import Space

FROM_CHECKPOINT, NONE = "checkpoint", "none"
"""Values of `--normalizer` that are no file."""

_LARGEST = 2**26
"""Bytes of a file of statistics."""

_PATTERN = re.compile(
    r"(^|[._])(\w*_)?(obs|ob|state|running|input)?_?(rms|normali[sz]er|normali[sz]ation)(\.|$)"
    r"|(^|[._])(running_mean_std|obs_norm\w*)(\.|$)"
    r"|(^|\.)((running|obs|ob|observation|state|input)_)?_?(mean|var|variance)$"
    r"|(^|\.)(obs|ob|observation|state|input)_std$"
    r"|(^|\.)(obs_norm_state_dict|state_preprocessor)\."
)
_NOT_THE_ACTORS = re.compile(r"^(critic|value|vf|ret|reward|rew)")


@dataclass(frozen=True)
class _Usual:
    """How a library normalises."""

    epsilon: float
    clip: float | None
    epsilon_on_deviation: bool
    """Whether epsilon is added to the deviation, not to the variance."""


_PAIRS = {
    ("mean", "var"): _Usual(1e-8, 10.0, epsilon_on_deviation=False),
    ("running_mean", "running_var"): _Usual(1e-5, 5.0, epsilon_on_deviation=False),
    ("running_mean", "running_variance"): _Usual(1e-8, 5.0, epsilon_on_deviation=True),
    ("_mean", "_var"): _Usual(1e-2, None, epsilon_on_deviation=True),
}
"""Names of a mean and a variance, and what goes with them."""


@dataclass(frozen=True)
class Normalizer:
    """One normalisation, and what it was made from in a few words."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    clip: float | None
    words: str

    def module(self, observation: Space, where: str) -> Normalise:
        """It as the first layer of a network.

        Raises:
            InputRefused: it is for other observations.
        """
        if self.mean.shape != observation.shape or len(observation.shape) > 1:
            raise InputRefused(
                f"{where}: statistics of observations {list(self.mean.shape)}; the environment's are "
                f"{list(observation.shape)}, and only vectors are normalised."
            )
        return Normalise(self.mean, self.deviation, self.clip)


def normalizer_names(names: Mapping[str, Any]) -> list[str]:
    """The tensors that are statistics of the actor's observations, by their names."""
    return [name for name in names if _PATTERN.search(name) and not is_the_critics(name)]


def is_the_critics(name: str) -> bool:
    """Whether a tensor is of a critic, or of the normalisation of rewards or returns."""
    return bool(_NOT_THE_ACTORS.match(name))


def read_normalizer(options: PeerOptions) -> Normalizer | None:
    """The normalisation in the file that the options name; None where only rewards were normalised.

    Raises:
        InputRefused: the file is missing or damaged, or has no statistics of observations.
    """
    path = Path(options.normalizer or "")
    content = read_regular(path, _LARGEST)
    if content.startswith(b"PK"):
        arrays = _read_arrays(content, str(path))
        if "mean" not in arrays or "var" not in arrays:
            raise InputRefused(
                f"{path}: expected the arrays mean and var; found {', '.join(arrays) or 'none'}."
            )
        usual = _Usual(_scalar(arrays, "epsilon", 1e-8), _scalar(arrays, "clip", 10.0), False)
        return _made(arrays["mean"], arrays["var"], usual, options, path.name)
    read = read_vecnormalize(content, str(path))
    if not read.used:
        return None
    return _made(read.mean, read.variance, _Usual(read.epsilon, read.clip, False), options, path.name)


def checkpoint_normalizer(tensors: Mapping[str, Tensor], options: PeerOptions, where: str) -> Normalizer:
    """The normalisation that a checkpoint holds.

    Args:
        tensors: what `normalizer_names` found.
        options: epsilon and clipping, where they are not the usual ones.
        where: the file's name, for messages.

    Raises:
        InputRefused: there is not exactly one mean with its variance.
    """
    found = [
        (f"{prefix}{mean}", f"{prefix}{variance}", usual)
        for (mean, variance), usual in _PAIRS.items()
        for prefix in sorted({name.removesuffix(mean) for name in tensors if name.split(".")[-1] == mean})
        if f"{prefix}{variance}" in tensors
    ]
    if len(found) != 1:
        raise InputRefused(
            f"{where}: expected one mean with its variance; found {', '.join(tensors) or 'none'}. "
            "Write them to a file with mean and var, and give it: --normalizer FILE.npz"
        )
    mean, variance, usual = found[0]
    statistics = [tensors[name].double().numpy() for name in (mean, variance)]
    return _made(statistics[0], statistics[1], usual, options, mean)


def _made(
    mean: NDArray[Any], variance: NDArray[Any], usual: _Usual, options: PeerOptions, origin: str
) -> Normalizer:
    epsilon = usual.epsilon if options.normalizer_epsilon is None else options.normalizer_epsilon
    clip = usual.clip if options.normalizer_clip is None else options.normalizer_clip
    if not 0.0 <= epsilon < 1e6 or (clip is not None and not 0.0 < clip < 1e30):
        raise UsageError(
            f"A normaliser needs an epsilon from 0 and a clip above 0; found {epsilon} and {clip}."
        )
    mean, variance = _without_batch(mean), _without_batch(variance)
    if mean.shape != variance.shape or not np.isfinite(mean).all() or not np.isfinite(variance).all():
        raise InputRefused(f"{origin}: a mean and a variance that do not fit together, or are not finite.")
    if (variance < 0).any():
        raise InputRefused(f"{origin}: a variance below zero.")
    deviation = np.sqrt(variance) + epsilon if usual.epsilon_on_deviation else np.sqrt(variance + epsilon)
    if not (deviation.astype(np.float32) > 0).all():
        raise InputRefused(f"{origin}: a deviation of zero. Give an epsilon: --normalizer-epsilon 1e-8")
    cut = "no clipping" if clip is None else f"clipped to {clip:g}"
    return Normalizer(
        mean, deviation, clip, f"observations normalised by {origin}, epsilon {epsilon:g}, {cut}"
    )


def _without_batch(values: NDArray[Any]) -> NDArray[np.float64]:
    """CleanRL's and rsl_rl's statistics have an axis of 1 for the batch."""
    return np.asarray(values[0] if values.ndim > 1 and len(values) == 1 else values, np.float64)


def _scalar(arrays: Mapping[str, NDArray[Any]], name: str, usual: float) -> float:
    return float(arrays[name].ravel()[0]) if name in arrays and arrays[name].size == 1 else usual


def _read_arrays(content: bytes, where: str) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name.

    Raises:
        InputRefused: it is none, is damaged, or holds anything else than numbers.
    """
    members = ZipMembers(content, where)
    return {
        name.removesuffix(".npy"): _array_of(members.read(name, _LARGEST), f"{where}: {name}")
        for name in members.names
        if name.endswith(".npy")
    }


def _array_of(content: bytes, where: str) -> NDArray[Any]:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read_header(stream)
        raw = content[stream.tell() :]
        # numpy's own reader takes memory for the shape first, whatever the file really holds.
        if dtype.kind not in "fiu" or len(raw) != dtype.itemsize * int(np.prod(shape, dtype=object)):
            raise ValueError("no array of numbers, or one of another size")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # A damaged header can raise anything.
        raise InputRefused(f"{where}: not an array of numbers, or a damaged one.") from error
