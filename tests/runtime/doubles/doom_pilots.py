"""Policies for Doom that a worker process can import."""

import zlib

import numpy as np
from numpy.typing import NDArray


def by_the_picture(observations: NDArray[np.uint8]) -> NDArray[np.int64]:
    """One of four actions, which depends on every pixel: another picture gives another action."""
    return np.array([zlib.crc32(obs.tobytes()) % 4 for obs in observations])
