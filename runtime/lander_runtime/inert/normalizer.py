"""The normalisation of observations: a mean and a deviation, from a file of statistics.

    library          formula                              epsilon  clip
    Gymnasium, SB3   (obs - mean) / sqrt(var + epsilon)   1e-8     10
    rl_games         the same                             1e-5     5
    skrl             (obs - mean) / (sqrt(var) + epsilon) 1e-8     5
    rsl_rl           (obs - mean) / (std + epsilon)       1e-2     none

Epsilon and clipping are the library's usual ones where none are given.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.files import read_regular
from lander_runtime.inert.npz import read_arrays
from lander_runtime.inert.vecnormalize import read_vecnormalize
from lander_runtime.text import shortened

_LARGEST = 2**26
"""Bytes of a file of statistics."""

_PICKLE = b"\x80"
"""What a pickle begins with, since protocol 2."""


@dataclass(frozen=True)
class Usual:
    """How a library normalises."""

    epsilon: float
    clip: float | None
    epsilon_on_deviation: bool
    """Whether epsilon is added to the deviation, not to the variance."""

    @property
    def is_sound(self) -> bool:
        """Whether a normalisation can have these numbers."""
        return 0.0 <= self.epsilon < 1e6 and (self.clip is None or 0.0 < self.clip < 1e30)

    def changed(self, epsilon: float | None, clip: float | None, origin: str) -> "Usual":
        """It with what the user gives; `origin` is where it is from.

        Raises:
            InputRefused: a number of its own that no normalisation has.
            UsageError: the user gives such a number.
        """
        given = replace(
            self,
            epsilon=self.epsilon if epsilon is None else epsilon,
            clip=self.clip if clip is None else clip,
        )
        if given.is_sound:
            return given
        found = f"an epsilon from 0 and a clip above 0; found {given.epsilon} and {given.clip}."
        if self.is_sound:
            raise UsageError(f"A normaliser needs {found}")
        raise InputRefused(f"{origin}: a normaliser needs {found}")


@dataclass(frozen=True, eq=False)
class Normalizer:
    """(obs - mean) / deviation, clipped to +-clip where there is one."""

    mean: NDArray[np.float64]
    """`[*obs_shape]`, like `deviation`."""
    deviation: NDArray[np.float64]
    clip: float | None
    epsilon: float
    statistics_sha256: str
    """Of the numbers of mean and variance, one after the other, as little-endian float64."""

    @property
    def in_words(self) -> str:
        """Such as `epsilon 1e-08, clipped to 10`."""
        cut = "no clipping" if self.clip is None else f"clipped to {self.clip:g}"
        return f"epsilon {self.epsilon:g}, {cut}"


def read_normalizer(path: Path, epsilon: float | None = None, clip: float | None = None) -> Normalizer | None:
    """The normalisation in a file; None where only rewards were normalised.

    Args:
        path: an .npz file with `mean` and `var`, or Stable-Baselines3's pickle of VecNormalize, which is not
            unpickled.
        epsilon: in place of the file's or the usual one.
        clip: likewise.

    Raises:
        InputRefused: the file is missing or damaged, or has no statistics of observations.
        UsageError: an epsilon or a clip that no normalisation has.
    """
    content, where = read_regular(path, _LARGEST), str(path)
    if content.startswith(b"PK"):
        arrays = read_arrays(content, where, _LARGEST)
        if "mean" not in arrays or "var" not in arrays:
            raise InputRefused(
                f"{where}: expected the arrays mean and var; found {shortened(', '.join(arrays)) or 'none'}."
            )
        usual = Usual(_scalar(arrays, "epsilon", 1e-8), _scalar(arrays, "clip", 10.0), False)
        usual = usual.changed(epsilon, clip, path.name)
        return normalizer_of(arrays["mean"], arrays["var"], usual, path.name)
    if not content.startswith(_PICKLE):
        raise InputRefused(f"{where}: expected an .npz with mean and var, or a pickle of VecNormalize.")
    read = read_vecnormalize(content, where)
    if not read.used:
        return None
    usual = Usual(read.epsilon, read.clip, False).changed(epsilon, clip, path.name)
    return normalizer_of(read.mean, read.variance, usual, path.name)


def normalizer_of(mean: NDArray[Any], variance: NDArray[Any], usual: Usual, origin: str) -> Normalizer:
    """The normalisation with these statistics, `[*obs_shape]` or `[1, size]`; `origin` is for messages.

    Raises:
        InputRefused: they do not fit together, are not finite, or leave a deviation of zero.
    """
    mean, variance = _without_batch(mean), _without_batch(variance)
    if mean.shape != variance.shape or not np.isfinite(mean).all() or not np.isfinite(variance).all():
        raise InputRefused(f"{origin}: a mean and a variance that do not fit together, or are not finite.")
    if (variance < 0).any():
        raise InputRefused(f"{origin}: a variance below zero.")
    epsilon = usual.epsilon
    deviation = np.sqrt(variance) + epsilon if usual.epsilon_on_deviation else np.sqrt(variance + epsilon)
    if not (deviation.astype(np.float32) > 0).all():
        raise InputRefused(f"{origin}: a deviation of zero. Give an epsilon: --normalizer-epsilon 1e-8")
    numbers = b"".join(values.astype("<f8").tobytes() for values in (mean, variance))
    return Normalizer(mean, deviation, usual.clip, epsilon, hashlib.sha256(numbers).hexdigest())


def _without_batch(values: NDArray[Any]) -> NDArray[np.float64]:
    """CleanRL's and rsl_rl's statistics have an axis of 1 for the batch."""
    return np.asarray(values[0] if values.ndim > 1 and len(values) == 1 else values, np.float64)


def _scalar(arrays: dict[str, NDArray[Any]], name: str, usual: float) -> float:
    return float(arrays[name].ravel()[0]) if name in arrays and arrays[name].size == 1 else usual
