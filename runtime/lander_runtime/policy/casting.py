"""Observations as a policy's graph takes them, from lists and from arrays of another number type.

Apart from `policy.py` because an application that passes the right type does not need it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import UsageError


def cast_observation(obs: object, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """`obs` as an array of `dtype`.

    Floats may be rounded, as from float64 to float32. Nothing else may change.

    Args:
        obs: nested lists of numbers, or anything that NumPy reads as an array of numbers.
        dtype: of the policy's observations.
        shape: of one observation; a batch has one more dimension in front.

    Raises:
        UsageError: `obs` is no array of numbers, has another shape, or holds a value that `dtype` cannot.
    """
    try:
        found = np.asarray(obs)
    except Exception as error:
        # Lists of different lengths. And `__array__` of an unknown class may raise anything.
        raise UsageError(describe_misfit(obs, dtype, shape)) from error
    if found.dtype.kind not in "iuf" or shape not in (found.shape, found.shape[1:]):
        raise UsageError(describe_misfit(obs, dtype, shape))
    # As integers, NaN and infinity become arbitrary numbers; they are found below.
    with np.errstate(over="ignore", invalid="ignore"):
        cast = found.astype(dtype)
    fits = np.isfinite(cast) | ~np.isfinite(found) if dtype.kind == "f" else _is_held_by(dtype, found, cast)
    if not fits.all():
        index = np.argwhere(~fits)[0].tolist()
        value = found[tuple(index)]
        must = f"{dtype} cannot hold it" if np.isfinite(value) else "it must be finite"
        raise UsageError(f"The observation holds {value} at index {index}; {must}.")
    return cast


def describe_misfit(obs: object, dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    """A sentence: what was expected, and what `obs` is instead."""
    expected = f"a {dtype} array of shape {list(shape)} or [batch, {', '.join(map(str, shape))}]"
    if isinstance(obs, np.ndarray | np.generic):
        return f"Expected {expected}, found {obs.dtype} of shape {list(obs.shape)}."
    return f"Expected {expected}, found {_list_in_words(obs)}."


def _is_held_by(dtype: np.dtype[Any], found: NDArray[Any], cast: NDArray[Any]) -> NDArray[np.bool_]:
    """Which numbers are whole and in the range of an integer `dtype`."""
    limits = np.iinfo(dtype)
    # As float64, because a float16 cannot be compared with the largest int64.
    values = found.astype(np.float64) if found.dtype.kind == "f" else found
    # `max + 1` is a power of two, which a float holds exactly; `max` itself may not be.
    return (values >= limits.min) & (values < limits.max + 1) & (cast == found)


def _list_in_words(obs: object) -> str:
    name = type(obs).__name__
    if not isinstance(obs, list | tuple):
        return name
    try:
        array = np.asarray(obs)
    except Exception:
        return f"{name} of lists that differ in length"
    return f"{name} of shape {list(array.shape)}" if array.dtype.kind in "iuf" else f"{name} of other things"
