"""Collecting experience: T steps of N lanes with the current policy.

Acting needs only the actor, a step at a time. Values and log-probabilities are computed for the
whole rollout at once afterwards, with the same weights, which is one large product in place of T small ones.
"""

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lander_trainer.advantages import live_rows
from lander_trainer.backends import Backend
from lander_trainer.network import ActorCritic


@dataclass(frozen=True)
class Rollout:
    """T steps of N lanes on the training device; rows as drawn in `advantages.py`."""

    obs: Tensor
    """`[T + 1, N, *obs_shape]`: what each action was chosen on, and what the last one led to."""
    actions: Tensor
    """int64 `[T, N]`."""
    rewards: Tensor
    """float32 `[T, N]`, unscaled."""
    terminated: Tensor
    """bool `[T, N]`."""
    truncated: Tensor
    """bool `[T, N]`."""
    live: Tensor
    """bool `[T, N]`: False at the dummy row after an episode's end."""


class Collector:
    """Steps a backend with a network's policy and remembers where each lane is."""

    def __init__(
        self, backend: Backend, network: ActorCritic, rollout_steps: int, generator: torch.Generator
    ) -> None:
        self._backend = backend
        self._network = network
        self._steps = rollout_steps
        self._generator = generator
        self._obs = backend.reset()
        self._first_is_dummy = np.zeros(backend.lanes, bool)
        self._returns = np.zeros(backend.lanes)
        self.recent_returns: deque[float] = deque(maxlen=100)
        """Undiscounted, unscaled returns of the last 100 finished episodes."""
        self.episodes = 0
        self.environment_seconds = 0.0
        self.inference_seconds = 0.0

    def collect(self) -> Rollout:
        """Take T steps in every lane."""
        steps, lanes = self._steps, self._backend.lanes
        obs = np.empty((steps + 1, *self._obs.shape), self._obs.dtype)
        actions = np.empty((steps, lanes), np.int64)
        rewards = np.empty((steps, lanes), np.float32)
        terminated = np.empty((steps, lanes), bool)
        truncated = np.empty((steps, lanes), bool)
        device = self._generator.device
        noise = _gumbel((steps, lanes, self._network.actions), self._generator)
        obs[0] = self._obs
        clock = time.perf_counter()
        for step in range(steps):
            with torch.inference_mode():
                logits = self._network.logits(torch.from_numpy(obs[step]).to(device))
                # Gumbel-max: the argmax of logits plus Gumbel noise is a draw from their softmax.
                actions[step] = (logits + noise[step]).argmax(-1).cpu().numpy()
            acted = time.perf_counter()
            obs[step + 1], rewards[step], terminated[step], truncated[step] = self._backend.step(
                actions[step]
            )
            self.inference_seconds += acted - clock
            clock = time.perf_counter()
            self.environment_seconds += clock - acted
            self._count_episodes(rewards[step], terminated[step] | truncated[step])
        self._obs = obs[steps]
        first = torch.from_numpy(self._first_is_dummy)
        self._first_is_dummy = terminated[-1] | truncated[-1]
        live = live_rows(torch.from_numpy(terminated), torch.from_numpy(truncated), first)
        tensors = [torch.from_numpy(a).to(device) for a in (obs, actions, rewards, terminated, truncated)]
        return Rollout(*tensors, live=live.to(device))

    def _count_episodes(self, rewards: NDArray[np.float32], done: NDArray[Any]) -> None:
        self._returns += rewards
        if done.any():
            self.recent_returns.extend(self._returns[done].tolist())
            self.episodes += int(done.sum())
            self._returns[done] = 0.0


def _gumbel(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise, -log of an exponential draw."""
    return torch.empty(shape, device=generator.device).exponential_(generator=generator).log_().neg_()
