"""Gymnasium's view of the simulator: a vector environment like `gymnasium.make_vec("LunarLander-v3")`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import logger, spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from lander_simulator.batch import ACTIONS, LunarLanderBatch


class LunarLanderVectorEnv(VectorEnv):
    """`num_envs` landers with LunarLander-v3's spaces, rewards and ends, stepped by the simulator.

    An environment whose episode ended is reset in the next step (`AutoresetMode.NEXT_STEP`), going on with
    its own generator, as `SyncVectorEnv` does. docs/simulator.md says how near the physics are. There is
    nothing to render.

    Args:
        num_envs: how many.
        continuous, gravity, enable_wind, wind_power, turbulence_power: as `LunarLander-v3` takes them.
        max_episode_steps: after how many steps an episode is truncated; None for never.
        render_mode: None; taken because Gymnasium hands it over.
        threads: how many step the environments, the caller's included.

    Raises:
        SimulatorUnavailable: the library is not compiled.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        num_envs: int = 1,
        continuous: bool = False,
        gravity: float = -10.0,
        enable_wind: bool = False,
        wind_power: float = 15.0,
        turbulence_power: float = 1.5,
        max_episode_steps: int | None = 1000,
        render_mode: str | None = None,
        threads: int = 1,
    ) -> None:
        if render_mode is not None:
            raise ValueError(
                f"the simulator draws nothing, got render_mode={render_mode!r}; Gymnasium's LunarLander does"
            )
        if not 0.0 <= wind_power <= 20.0:
            logger.warn(f"wind_power is recommended to be between 0 and 20, got {wind_power}")
        if not 0.0 <= turbulence_power <= 2.0:
            logger.warn(f"turbulence_power is recommended to be between 0 and 2, got {turbulence_power}")
        self.metadata = {
            "render_modes": [],
            "render_fps": 50,
            "autoreset_mode": AutoresetMode.NEXT_STEP,
        }
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.batch = LunarLanderBatch(
            num_envs,
            continuous=continuous,
            gravity=gravity,
            enable_wind=enable_wind,
            wind_power=wind_power,
            turbulence_power=turbulence_power,
            max_episode_steps=max_episode_steps,
            threads=threads,
        )
        bound = np.array([2.5, 2.5, 10.0, 10.0, 2.0 * math.pi, 10.0, 1.0, 1.0], np.float32)
        self.single_observation_space = spaces.Box(
            np.append(-bound[:6], [-0.0, -0.0]).astype(np.float32), bound
        )
        self.single_action_space = (
            spaces.Box(-1, +1, (2,), dtype=np.float32) if continuous else spaces.Discrete(ACTIONS)
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins an episode in every environment; observations [num_envs, 8] and an empty info.

        `seed`: environment i gets seed + i, or its own of a list; None goes on with each one's generator.
        Environment i meets the same terrain, push and wind as
        `gymnasium.make("LunarLander-v3").reset(seed=...)` with that seed.

        Raises:
            ValueError: not one seed an environment, one out of range, or options["reset_mask"].
        """
        if options and "reset_mask" in options:
            raise ValueError("reset_mask is for environments without autoreset; these reset by themselves")
        if isinstance(seed, int | np.integer):
            seeds: Any = [int(seed) + i for i in range(self.num_envs)]
        else:
            seeds = seed
        return self.batch.reset(seeds), {}

    def step(
        self, actions: Any
    ) -> tuple[
        NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
    ]:
        """Steps every environment: observations [num_envs, 8], rewards, terminated, truncated, an empty info.

        Raises:
            ValueError: actions of another shape, or ones that do not exist.
        """
        observations, rewards, terminated, truncated = self.batch.step(actions)
        return observations, rewards, terminated, truncated, {}

    def state(self) -> NDArray[np.void]:
        """Everything the next steps depend on; see `lander_simulator.STATE`."""
        return self.batch.state()

    def restore(self, state: NDArray[np.void]) -> None:
        """Goes back to what `state()` gave, bit for bit.

        Raises:
            ValueError: another number of environments, or another layout.
        """
        self.batch.restore(state)

    def close_extras(self, **kwargs: Any) -> None:
        """Frees the batch; called by `close()`."""
        del kwargs
        self.batch.close()
