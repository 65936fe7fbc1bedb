"""Wrappers that a policy file may name beside Gymnasium's: small, of plain arguments, without a dependency.

Gymnasium's nearest need a function as their argument, which no file can hold, or OpenCV.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


class DictItemObservation(gymnasium.ObservationWrapper[Any, Any, Any]):
    """One entry of a Dict observation, such as the picture of a game that tells other things too."""

    def __init__(self, env: gymnasium.Env[Any, Any], key: str) -> None:
        """Take the entry `key`.

        Raises:
            ValueError: the observations are no Dict, or have no such entry.
        """
        super().__init__(env)
        if not isinstance(env.observation_space, spaces.Dict):
            raise ValueError(f"observations are a {type(env.observation_space).__name__}, not a Dict")
        entries = env.observation_space.spaces
        if key not in entries:
            raise ValueError(f"observations have no {key!r}; they have {', '.join(entries)}")
        self._key = key
        self.observation_space = entries[key]

    def observation(self, observation: dict[str, Any]) -> Any:
        return observation[self._key]


class ShrinkObservation(gymnasium.ObservationWrapper[NDArray[np.uint8], Any, NDArray[np.uint8]]):
    """A picture `factor` times smaller in height and width: the mean of each block, halves rounded up.

    In whole numbers, so that it is the same on every machine. Not Gymnasium's ResizeObservation, which
    needs OpenCV: 60 MB for a mean of four numbers.
    """

    def __init__(self, env: gymnasium.Env[NDArray[np.uint8], Any], factor: int) -> None:
        """Shrink pictures, uint8 `[height, width]` or `[height, width, channels]`.

        Raises:
            ValueError: observations are no such pictures, or height or width is no multiple of `factor`.
        """
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) not in (2, 3):
            raise ValueError(f"a picture of uint8 [height, width] or with channels is needed, found {space}")
        # Up to 16, for the sum of a block to fit into 16 bits.
        if type(factor) is not int or not 1 <= factor <= 16:
            raise ValueError(f"factor should be a whole number from 1 to 16, found {factor!r}")
        height, width, *channels = space.shape
        if height % factor or width % factor:
            raise ValueError(f"a picture of {height} x {width} does not divide by {factor}")
        self._factor = factor
        self.observation_space = spaces.Box(
            0, 255, (height // factor, width // factor, *channels), dtype=np.uint8
        )

    def observation(self, observation: NDArray[np.uint8]) -> NDArray[np.uint8]:
        factor = self._factor
        area = factor * factor
        total = np.full(self.observation_space.shape or (), area // 2, np.uint16)
        # One corner of all blocks after the other: a sum over two axes as short as these takes longer.
        for row in range(factor):
            for column in range(factor):
                total += observation[row::factor, column::factor]
        return (total // area).astype(np.uint8)
