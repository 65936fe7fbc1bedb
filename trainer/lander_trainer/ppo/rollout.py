"""Collects rollouts: T steps of N lanes with the current policy.

Acting needs only the actor, one step at a time. Values and log-probabilities are computed afterwards for the
whole rollout, with the same weights: one large matrix product instead of T small ones. Only where actor and
critic share an encoder, the values are there already and are kept.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_trainer.backends import Backend
from lander_trainer.ppo.advantages import live_rows
from lander_trainer.ppo.distributions import Distribution

ActorForward = Callable[[NDArray[Any]], tuple[NDArray[np.float32], NDArray[np.float32] | None]]
"""Observations `[N, *obs_shape]` -> outputs `[N, p]` and values `[N]` or None, as in `Learner.forward`."""


@dataclass(frozen=True)
class Rollout:
    """T steps of N lanes; rows as drawn in `advantages.py`."""

    obs: NDArray[Any]
    """`[T + 1, N, *obs_shape]`: the observation behind each action, and that after the last action."""
    outputs: NDArray[np.float32]
    """`[T, N, p]`: the policy's outputs that each action was sampled from (`distributions.py`)."""
    actions: NDArray[Any]
    """`[T, N]` int64, or `[T, N, k]` float32 as sampled, not yet clipped to the environment's bounds."""
    rewards: NDArray[np.float32]
    """`[T, N]`, unscaled."""
    terminated: NDArray[np.bool_]
    """`[T, N]`."""
    truncated: NDArray[np.bool_]
    """`[T, N]`."""
    live: NDArray[np.bool_]
    """`[T, N]`: False at the dummy row after an episode's end."""
    values: NDArray[np.float32] | None = None
    """`[T + 1, N]`: the critic's value of every observation, if `ActorForward` returned values."""


class Collector:
    """Steps a backend with a policy and keeps each lane's last observation and return so far."""

    def __init__(
        self,
        backend: Backend,
        obs: NDArray[Any],
        steps: int,
        rng: np.random.Generator,
        distribution: Distribution,
    ) -> None:
        """Continue from the current state of `backend`.

        Args:
            backend: the environments.
            obs: `[N, *obs_shape]`, what its `reset` or `restore` returned.
            steps: T.
            rng: draws the noise of the actions.
            distribution: over the actions, given the policy's outputs.
        """
        self._backend = backend
        self._obs = obs
        self._steps = steps
        self._rng = rng
        self._distribution = distribution
        self._ended = np.zeros(backend.lanes, bool)
        self._returns = np.zeros(backend.lanes)
        self.recent_returns: deque[float] = deque(maxlen=100)
        """Undiscounted, unscaled returns of the last 100 finished episodes."""
        self.episodes = 0
        self.environment_seconds = 0.0
        self.inference_seconds = 0.0

    def collect(self, policy: ActorForward) -> Rollout:
        """Take T steps in every lane, with actions sampled from the outputs of `policy`."""
        steps, lanes, distribution = self._steps, self._backend.lanes, self._distribution
        obs = np.empty((steps + 1, *self._obs.shape), self._obs.dtype)
        rewards = np.empty((steps, lanes), np.float32)
        terminated = np.empty((steps, lanes), bool)
        truncated = np.empty((steps, lanes), bool)
        clock = time.perf_counter()
        obs[0] = self._obs
        first = policy(obs[0])
        outputs = np.empty((steps, *first[0].shape), np.float32)
        values = None if first[1] is None else np.empty((steps + 1, lanes), np.float32)
        noise = distribution.noise(outputs.shape, self._rng)
        actions = []
        for step in range(steps):
            outputs[step], step_values = policy(obs[step]) if step else first
            if values is not None:
                values[step] = step_values
            actions.append(distribution.sample(outputs[step], noise[step]))
            action = distribution.for_environment(actions[step])
            acted = time.perf_counter()
            obs[step + 1], rewards[step], terminated[step], truncated[step] = self._backend.step(action)
            self.inference_seconds += acted - clock
            clock = time.perf_counter()
            self.environment_seconds += clock - acted
        if values is not None:
            values[steps] = policy(obs[steps])[1]
            self.inference_seconds += time.perf_counter() - clock
        self._count_episodes(rewards, terminated | truncated)
        self._obs = obs[steps]
        live = live_rows(terminated, truncated, self._ended)
        self._ended = terminated[-1] | truncated[-1]
        return Rollout(obs, outputs, np.stack(actions), rewards, terminated, truncated, live, values)

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of what `restore` needs beside the backend's own state."""
        return {
            "obs": self._obs.copy(),
            "ended": self._ended.copy(),
            "returns": self._returns.copy(),
            "recent_returns": np.array(self.recent_returns, np.float64),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `state` returned, except for the observations, which the backend gives.

        Raises:
            InputRefused: an array is missing, belongs to another number of lanes, or is not finite.
        """
        lanes = self._backend.lanes
        wanted = {"ended": ("b", lanes), "returns": ("f", lanes), "recent_returns": ("f", None)}
        for name, (kind, length) in wanted.items():
            array = state.get(name, np.array(None))
            if (array.dtype.kind, array.ndim) != (kind, 1) or length not in (None, len(array)):
                raise InputRefused(
                    f"The checkpoint's state of the episodes ({name}) is missing or not of {lanes} lanes."
                )
            if not np.isfinite(array).all():
                raise InputRefused(f"The checkpoint's state of the episodes ({name}) is not finite.")
        self._ended[:] = state["ended"]
        self._returns[:] = state["returns"]
        self.recent_returns.extend(state["recent_returns"].tolist())

    def _count_episodes(self, rewards: NDArray[np.float32], done: NDArray[np.bool_]) -> None:
        """Add the rewards `[T, N]` to each lane's return; note and reset it where `done` `[T, N]`."""
        for row, ends in zip(rewards, done, strict=True):
            self._returns += row
            if ends.any():
                self.recent_returns.extend(self._returns[ends].tolist())
                self.episodes += int(ends.sum())
                self._returns[ends] = 0.0
