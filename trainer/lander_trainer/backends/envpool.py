"""envpool: environments in C++ on threads of their own, several times faster than Gymnasium's.

It trains and never scores: its seeds are its own, its lunar terrain is smoothed slightly
differently and it has no wind.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.spec import EnvSpec, Space
from lander_trainer.backends.base import StepResult

with warnings.catch_warnings():
    # Its optional parts announce deprecations on import that nobody here can act on.
    warnings.simplefilter("ignore")
    import envpool


def refusal(spec: EnvSpec, observation: Space, action: Space) -> str | None:
    """Why envpool cannot step `spec`, which has these spaces in Gymnasium; None where it can."""
    if spec.id not in envpool.list_all_envs():
        return f"envpool does not have {spec.id}."
    if spec.kwargs or spec.wrappers:
        return f"envpool's {spec.id} takes neither the arguments nor the wrappers that were given."
    with warnings.catch_warnings():
        # Gymnasium warns of the precision of bounds that envpool declares.
        warnings.simplefilter("ignore")
        pool = envpool.make_spec(spec.id)
        theirs = _form(pool.observation_space, pool.action_space)
    # Of Atari's ids, for one, it has games whose pictures are already cut, grey and stacked.
    if theirs != (observation.shape, observation.dtype, action.type, action.shape, action.n):
        return f"envpool's {spec.id} has other observations or actions than Gymnasium's."
    return None


def _form(observation: Any, action: Any) -> tuple[Any, ...]:
    """What makes two environments exchangeable to a policy; bounds are declared loosely on either side."""
    return observation.shape, str(observation.dtype), type(action).__name__, action.shape, _count(action)


def _count(action: Any) -> int | None:
    return int(action.n) if hasattr(action, "n") else None


class EnvpoolBackend:
    """`lanes` copies in one envpool, which already follows next-step autoreset."""

    name = "envpool"

    def __init__(self, spec: EnvSpec, lanes: int, seed: int, threads: int) -> None:
        self.lanes = lanes
        # Waiting for all lanes keeps their order, and with it the run, independent of the threads.
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
        """Nothing: envpool neither gives its state nor seeds an episode of its own."""

    def close(self) -> None:
        self._pool.close()
