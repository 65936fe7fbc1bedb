"""envpool: environments in C++ threads, several times faster than Gymnasium's.

It is used for training and never for scoring: a seed gives other episodes than in Gymnasium, LunarLander's
terrain is smoothed slightly differently, and there is no wind.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.spec import EnvSpec, Space
from lander_trainer.backends.base import StepResult

with warnings.catch_warnings():
    # Its optional parts announce deprecations on import, which neither we nor a user can act on.
    warnings.simplefilter("ignore")
    import envpool


def refusal(spec: EnvSpec, observation: Space, action: Space) -> str | None:
    """Why envpool cannot step `spec`, which has these spaces in Gymnasium; None if it can."""
    if spec.id not in envpool.list_all_envs():
        return f"envpool does not have {spec.id}."
    if spec.kwargs or spec.wrappers:
        return f"envpool's {spec.id} takes neither the arguments nor the wrappers that were given."
    with warnings.catch_warnings():
        # Gymnasium warns of the precision of bounds that envpool declares.
        warnings.simplefilter("ignore")
        pool = envpool.make_spec(spec.id)
        found = _form(pool.observation_space, pool.action_space)
    # For example, its Atari games have images that are already cut, grey and stacked.
    if found != (observation.shape, observation.dtype, action.type, action.shape, action.n):
        return f"envpool's {spec.id} has other observations or actions than Gymnasium's."
    return None


def _form(observation: Any, action: Any) -> tuple[Any, ...]:
    """What must be equal for a policy to fit both; not the bounds, which both libraries declare loosely."""
    return observation.shape, str(observation.dtype), type(action).__name__, action.shape, _count(action)


def _count(action: Any) -> int | None:
    return int(action.n) if hasattr(action, "n") else None


class EnvpoolBackend:
    """`lanes` copies in one envpool, which already follows next-step autoreset."""

    name = "envpool"

    def __init__(self, spec: EnvSpec, lanes: int, seed: int, threads: int) -> None:
        self.lanes = lanes
        # Every step waits for all lanes, so their order, and with it the run, does not depend on the threads.
        with warnings.catch_warnings():
            # Gymnasium warns of the precision of bounds that envpool declares.
            warnings.simplefilter("ignore")
            self._pool = envpool.make(
                spec.id,
                env_type="gymnasium",
                num_envs=lanes,
                num_threads=threads,
                seed=seed,
                max_episode_steps=spec.max_episode_steps,
            )
            self._obs, _ = self._pool.reset()

    def reset(self) -> NDArray[Any]:
        return self._obs

    def step(self, actions: NDArray[Any]) -> StepResult:
        if actions.dtype.kind == "i":
            actions = actions.astype(np.int32)
        obs, rewards, terminated, truncated, _ = self._pool.step(actions)
        return StepResult(obs, rewards, terminated, truncated & ~terminated)

    def state(self) -> None:
        """None: envpool neither returns its state nor takes a seed for one episode."""

    def close(self) -> None:
        self._pool.close()
