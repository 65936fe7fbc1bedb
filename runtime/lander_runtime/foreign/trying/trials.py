"""Trial observations, and whether the rows of a batch keep to themselves.

Apart from `fitting.py` because the rows are the promise behind every report: an episode may depend on its
own observations alone, whatever the lanes and workers.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.spec import Space, filled_bounds

_NEAR_AND_FAR = (0.03, 0.3, 1.0, 30.0)
"""Factors of trial observations. A function that is flat on one of these scales is not on another."""

Rows = dict[str, NDArray[np.generic]]
"""Outputs by name, `[batch, ...]` each."""

_LARGE = (1.0, 30.0, 1e3, 1e6)
"""Factors of a normal deviate. A quantiser that takes its scale over a batch shows itself beside large
numbers, and a comparison with a threshold only where one is crossed."""


def trial_observations(batch: int, observation: Space, seed: int = 0) -> NDArray[Any]:
    """Random observations `[batch, *obs_shape]`, of the size that a normalised environment gives."""
    generator = np.random.default_rng(seed)
    if observation.dtype == "uint8":
        return generator.integers(0, 256, (batch, *observation.shape), np.uint8)
    if np.dtype(observation.dtype).kind in "iu":
        # Within the bounds, since a whole number may be a place in a table.
        low, high = (np.clip(bound, -999, 999) for bound in filled_bounds(observation, unbounded=3.0))
        drawn = generator.integers(
            low.astype(np.int64), high.astype(np.int64), (batch, *observation.shape), endpoint=True
        )
        return drawn.astype(observation.dtype)
    return generator.standard_normal((batch, *observation.shape)).astype(observation.dtype)


def varied_observations(batch: int, observation: Space) -> Iterator[NDArray[Any]]:
    """Batches of near, usual and far observations; what is the same for all of them takes none in."""
    yield trial_observations(batch, observation)
    for seed in range(1, max(2, 16 // batch)):
        for factor in _NEAR_AND_FAR:
            obs = trial_observations(batch, observation, seed)
            if obs.dtype.kind == "f":
                yield (obs * factor).astype(obs.dtype)
            elif obs.dtype == np.uint8:
                # Pictures from dark to bright.
                yield (obs * min(1.0, factor)).astype(obs.dtype)
            else:
                yield obs


def rows_influence_each_other(
    run: Callable[[NDArray[np.generic]], Rows], obs: NDArray[np.generic]
) -> str | None:
    """The first output in which a row depends on its neighbours or its place; None where none does.

    Args:
        run: gives the outputs for a batch.
        obs: `[batch, *obs_shape]`.
    """
    expected = run(obs)
    for others, kept, places in _disturbed(obs):
        found = run(others)
        for name, values in expected.items():
            # Bit for bit, NaN in the same places. Without rows there are fewer of them for such neighbours.
            same = name in found and np.array_equal(
                values[kept], found[name][places], equal_nan=values.dtype.kind == "f"
            )
            if not same:
                return name
    return None


def size_matters(run: Callable[[NDArray[np.generic]], Rows], obs: NDArray[np.generic]) -> str | None:
    """The first output whose rows are others where fewer stand beside them; None where none are.

    Rounding may differ by the size of a batch, so only what is more than rounding counts.
    """
    expected = run(obs)
    try:
        alone = run(obs[:1])
    except InputRefused:
        return None  # It has the size built in.
    for name, values in expected.items():
        found = alone.get(name)
        if found is None or values.dtype.kind != "f" or found.shape[1:] != values.shape[1:]:
            continue
        if not _agree(found[:1], values[:1], 1e-2 if values.dtype == np.float16 else 1e-3):
            return name
    return None


def steps_matter(
    last: Callable[[NDArray[np.generic]], NDArray[np.generic]], obs: NDArray[np.generic]
) -> bool:
    """Whether what a graph gives at a step depends on the step before.

    Args:
        last: gives the numbers of one step, or those of two whose last are of the second.
        obs: `[steps, *obs_shape]`.
    """
    for place in range(len(obs) - 1):
        alone = last(obs[place + 1 : place + 2])
        if not _agree(last(obs[place : place + 2])[-len(alone) :], alone, 1e-3):
            return True
    return False


def _agree(found: NDArray[np.generic], expected: NDArray[np.generic], tolerance: float) -> bool:
    """Whether numbers differ by `tolerance` of the largest at most; others have to be the same."""
    one, other = (values.astype(np.float64) for values in (found, expected))
    numbers = np.isfinite(other)
    largest = max(1e-6, float(np.abs(other[numbers]).max(initial=0.0)))
    close = np.abs(one[numbers] - other[numbers]) <= tolerance * largest
    return bool(close.all()) and np.array_equal(one[~numbers], other[~numbers], equal_nan=True)


def _disturbed(
    obs: NDArray[np.generic],
) -> Iterator[tuple[NDArray[np.generic], NDArray[np.intp], NDArray[np.intp]]]:
    """Batches that hold rows of `obs` beside other ones: the batch, which rows, and where they are."""
    batch = len(obs)
    everywhere = np.arange(batch)
    # The same rows at other places, with zeros between them.
    backwards = obs[::-1].copy()
    backwards[1::2] = 0
    yield backwards, everywhere[::-1][::2], everywhere[::2]
    generator = np.random.default_rng(1)
    for factor in _LARGE:
        for kept in (everywhere[::2], everywhere[1::2], everywhere[:1], everywhere[-1:]):
            others = _noise(obs, factor, generator)
            others[kept] = obs[kept]
            yield others, kept, kept
        places = generator.permutation(batch)[: batch // 2]
        others = _noise(obs, factor, generator)
        kept = generator.permutation(batch)[: batch // 2]
        others[places] = obs[kept]
        yield others, kept, places


def _noise(obs: NDArray[np.generic], factor: float, generator: np.random.Generator) -> NDArray[np.generic]:
    if obs.dtype.kind != "f" and obs.dtype != np.uint8:
        return generator.integers(obs.min(), obs.max(), endpoint=True, size=obs.shape).astype(obs.dtype)
    if obs.dtype == np.uint8:
        # Pictures: any, and for the largest factor white ones.
        low = 255 if factor == _LARGE[-1] else 0
        return generator.integers(low, 256, obs.shape).astype(obs.dtype)
    # Clipped, because an environment may have its observations in float16.
    largest = float(np.finfo(obs.dtype.name).max)
    return np.clip(factor * generator.standard_normal(obs.shape), -largest, largest).astype(obs.dtype)
