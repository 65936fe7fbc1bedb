"""An environment with MultiDiscrete actions that is learned in seconds: match each of three cards.

In `doubles/`, because worker processes import it too.
"""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

NVEC = (3, 2, 4)


class MatchEnv(gymnasium.Env[Any, Any]):
    """Shows three cards, one-hot side by side, and gives a third for each that the action names; 8 steps."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (as Gymnasium has it)
    observation_space = gymnasium.spaces.Box(0, 1, (sum(NVEC),), np.float32)
    action_space = gymnasium.spaces.MultiDiscrete(NVEC)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._left = 8
        return self._deal(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        reward = float(np.mean(action == self._cards))
        self._left -= 1
        return self._deal(), reward, self._left == 0, False, {}

    def render(self) -> NDArray[np.uint8]:
        return np.full((40, 60, 3), 10 * self._left, np.uint8)

    def _deal(self) -> NDArray[np.float32]:
        self._cards = self.np_random.integers(0, NVEC)
        return np.concatenate([np.eye(n)[card] for n, card in zip(NVEC, self._cards, strict=True)]).astype(
            np.float32
        )
