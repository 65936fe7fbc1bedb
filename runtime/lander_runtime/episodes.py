"""Fly episodes in several environment copies at once: the loop under every score and selection.

Apart from `evaluate.py` because training selects with it too, without a policy file or ONNX Runtime.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.known import knowledge_of
from lander_runtime.spec import EnvSpec

LANES = 32
"""Environment copies stepped together, and the fixed batch size of inference."""

Actor = Callable[[NDArray[Any], Sequence[np.random.Generator]], NDArray[Any]]
"""(observations `[batch, *obs_shape]`, one generator a row) -> actions `[batch, ...]`.

The generators belong to the episodes, one each; a greedy actor ignores them."""


@dataclass(frozen=True)
class Episode:
    """One finished episode."""

    index: int
    seed: int
    return_: float
    """Undiscounted sum of rewards."""
    length: int
    """Steps."""
    outcome: str
    """How it ended, such as `landed`, `crashed`, `timed out`."""


class EpisodeObserver(Protocol):
    """Hears of every episode as it ends, in the order in which they end."""

    def on_episode(self, episode: Episode) -> None: ...


def run_episodes(
    actor: Actor,
    spec: EnvSpec,
    seeds: Sequence[int],
    *,
    lanes: int = LANES,
    render_mode: str | None = None,
    observer: EpisodeObserver | None = None,
) -> list[Episode]:
    """Run one episode for each seed, `lanes` at a time; gives them in the order of `seeds`."""
    pending = iter(enumerate(seeds))
    copies = [Lane(spec, render_mode) for _ in range(min(lanes, len(seeds)))]
    finished: list[Episode] = []
    try:
        active = [lane for lane in copies if lane.start(next(pending, None))]
        while active:
            actions = actor(np.stack([lane.obs for lane in active]), [lane.generator for lane in active])
            for lane, action in zip(active, actions, strict=True):
                episode = lane.step(action)
                if episode is not None:
                    finished.append(episode)
                    if observer is not None:
                        observer.on_episode(episode)
                    lane.start(next(pending, None))
            active = [lane for lane in active if lane.busy]
    finally:
        for lane in copies:
            lane.env.close()
    return sorted(finished, key=lambda episode: episode.index)


class Lane:
    """One environment copy and the episode that it is flying."""

    def __init__(self, spec: EnvSpec, render_mode: str | None) -> None:
        self.env = envs.make(spec, render_mode)
        self._discrete = envs.is_discrete(self.env)
        self._outcome = knowledge_of(spec.id).outcome
        self.busy = False
        self.total = 0.0
        """Return so far."""
        self.length = 0
        """Steps so far."""
        self.obs: NDArray[Any] = np.empty(0)
        self.generator = np.random.default_rng(0)

    def start(self, task: tuple[int, int] | None) -> bool:
        """Begin the episode (index, seed); with None there is nothing left to do."""
        self.busy = task is not None
        if task is not None:
            self._index, self._seed = task
            self.total, self.length = 0.0, 0
            # Not from the seed alone: that is the very stream that the environment draws from.
            self.generator = np.random.default_rng([self._seed, 1])
            self.obs, _ = self.env.reset(seed=self._seed)
        return self.busy

    def step(self, action: Any) -> Episode | None:
        """One step; gives the episode when it has ended."""
        obs, reward, terminated, truncated, _ = self.env.step(int(action) if self._discrete else action)
        self.obs = obs
        self.total += float(reward)
        self.length += 1
        if not (terminated or truncated):
            return None
        outcome = self._outcome(float(reward), obs, bool(terminated))
        return Episode(self._index, self._seed, self.total, self.length, outcome)
