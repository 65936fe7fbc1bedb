"""Collecting experience: T steps of N lanes with the current policy.

Acting needs only the actor, a step at a time. Values and log-probabilities are computed for the
whole rollout at once afterwards, with the same weights, which is one large product in place of T small ones.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_trainer.advantages import live_rows
from lander_trainer.backends import Backend


@dataclass(frozen=True)
class Rollout:
    """T steps of N lanes; rows as drawn in `advantages.py`."""

    obs: NDArray[Any]
    """`[T + 1, N, *obs_shape]`: what each action was chosen on, and what the last one led to."""
    logits: NDArray[np.float32]
    """`[T, N, n]`: the policy that each action was drawn from."""
    actions: NDArray[np.int64]
    """`[T, N]`."""
    rewards: NDArray[np.float32]
    """`[T, N]`, unscaled."""
    terminated: NDArray[np.bool_]
    """`[T, N]`."""
    truncated: NDArray[np.bool_]
    """`[T, N]`."""
    live: NDArray[np.bool_]
    """`[T, N]`: False at the dummy row after an episode's end."""


class Collector:
    """Steps a backend with a policy and remembers where each lane is."""

    def __init__(self, backend: Backend, obs: NDArray[Any], steps: int, rng: np.random.Generator) -> None:
        """Go on from where `backend` stands.

        Args:
            backend: the environments.
            obs: `[N, *obs_shape]`, what their `reset` or `restore` gave.
            steps: T.
            rng: draws the actions.
        """
        self._backend = backend
        self._obs = obs
        self._steps = steps
        self._rng = rng
        self._ended = np.zeros(backend.lanes, bool)
        self._returns = np.zeros(backend.lanes)
        self.recent_returns: deque[float] = deque(maxlen=100)
        """Undiscounted, unscaled returns of the last 100 finished episodes."""
        self.episodes = 0
        self.environment_seconds = 0.0
        self.inference_seconds = 0.0

    def collect(self, policy: Callable[[NDArray[Any]], NDArray[np.float32]]) -> Rollout:
        """Take T steps in every lane, with actions drawn from the logits `[N, n]` that `policy` gives."""
        steps, lanes = self._steps, self._backend.lanes
        obs = np.empty((steps + 1, *self._obs.shape), self._obs.dtype)
        rewards = np.empty((steps, lanes), np.float32)
        terminated = np.empty((steps, lanes), bool)
        truncated = np.empty((steps, lanes), bool)
        actions = np.empty((steps, lanes), np.int64)
        clock = time.perf_counter()
        obs[0] = self._obs
        first = policy(obs[0])
        logits = np.empty((steps, *first.shape), np.float32)
        noise = _gumbel(logits.shape, self._rng)
        for step in range(steps):
            logits[step] = policy(obs[step]) if step else first
            # Gumbel-max: the argmax of logits plus Gumbel noise is a draw from their softmax.
            np.argmax(logits[step] + noise[step], axis=-1, out=actions[step])
            acted = time.perf_counter()
            obs[step + 1], rewards[step], terminated[step], truncated[step] = self._backend.step(
                actions[step]
            )
            self.inference_seconds += acted - clock
            clock = time.perf_counter()
            self.environment_seconds += clock - acted
        self._count_episodes(rewards, terminated | truncated)
        self._obs = obs[steps]
        live = live_rows(terminated, truncated, self._ended)
        self._ended = terminated[-1] | truncated[-1]
        return Rollout(obs, logits, actions, rewards, terminated, truncated, live)

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of what `restore` needs beside the backend's own state."""
        return {
            "obs": self._obs.copy(),
            "ended": self._ended.copy(),
            "returns": self._returns.copy(),
            "recent_returns": np.array(self.recent_returns, np.float64),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` gave, except for the observations: those come from the backend.

        Raises:
            InputRefused: the state is not one of so many lanes.
        """
        lanes = self._backend.lanes
        wanted = {"ended": ("b", lanes), "returns": ("f", lanes), "recent_returns": ("f", None)}
        for name, (kind, length) in wanted.items():
            array = state.get(name, np.array(None))
            if (array.dtype.kind, array.ndim) != (kind, 1) or length not in (None, len(array)):
                raise InputRefused(
                    f"What the run remembers of its episodes ({name}) is missing or not of {lanes} lanes."
                )
        self._ended[:] = state["ended"]
        self._returns[:] = state["returns"]
        self.recent_returns.extend(state["recent_returns"].tolist())

    def _count_episodes(self, rewards: NDArray[np.float32], done: NDArray[np.bool_]) -> None:
        """Add the rewards `[T, N]` up, in order, to where each lane's episode ended."""
        for row, ends in zip(rewards, done, strict=True):
            self._returns += row
            if ends.any():
                self.recent_returns.extend(self._returns[ends].tolist())
                self.episodes += int(ends.sum())
                self._returns[ends] = 0.0


def _gumbel(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Standard Gumbel noise, -log of an exponential draw."""
    draws = rng.standard_exponential(shape, dtype=np.float32)
    # The draw may be 0 once in 2^24; the smallest normal number keeps its logarithm finite.
    np.maximum(draws, np.finfo(np.float32).tiny, out=draws)
    return np.negative(np.log(draws, out=draws), out=draws)
