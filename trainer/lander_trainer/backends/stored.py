"""An array in a checkpoint's state of the environments, checked before it is used."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lander_runtime.errors import InputRefused


def stored_array(
    state: dict[str, NDArray[Any]], name: str, dtype: DTypeLike, shape: tuple[int, ...]
) -> NDArray[Any]:
    """The array `name` of `state`, of `dtype` and `shape`.

    Raises:
        InputRefused: it is missing, or of another type or shape; the message names it.
    """
    array = state.get(name)
    if array is None or array.dtype != dtype or array.shape != shape:
        raise InputRefused(
            f"The state of the environments ({name}) is missing or not one of {np.dtype(dtype).name} "
            f"of shape {list(shape)}."
        )
    return array
