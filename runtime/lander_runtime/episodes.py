"""Fly episodes in several environment copies at once: the loop under every score and selection.

Apart from `evaluation.py` because training selects with it too, without a policy file or ONNX Runtime.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.errors import UsageError
from lander_runtime.known import knowledge_of
from lander_runtime.spec import EnvSpec

LANES = 32
"""Environment copies stepped together, and the fixed batch size of inference."""

LARGEST_KEPT = 4096
"""Bytes of an observation that may be kept of every step: a thousand numbers, no picture."""

Actor = Callable[[NDArray[Any], Sequence[np.random.Generator]], NDArray[Any]]
"""(observations `[batch, *obs_shape]`, one generator a row) -> actions `[batch, ...]`.

The generators belong to the episodes, one each; a greedy actor ignores them."""


@dataclass(frozen=True)
class Keep:
    """What to keep of every step; by default nothing, because it adds up."""

    actions: bool = False
    """Actions and rewards, what a replay needs."""
    observations: bool = False
    """Those of an environment with small ones; images are refused, a few episodes of which fill a machine."""

    def __or__(self, other: "Keep") -> "Keep":
        """What both want."""
        return Keep(self.actions or other.actions, self.observations or other.observations)


NOTHING = Keep()


@dataclass(frozen=True, eq=False)
class Flight:
    """An episode of T steps, as far as it was to be kept; what was not is empty."""

    actions: NDArray[Any]
    """`[T]` int64 (Discrete) or `[T, *action_shape]`."""
    rewards: NDArray[np.float64]
    """`[T]`"""
    observations: NDArray[Any]
    """`[T + 1, *obs_shape]`, the one of the reset first."""


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
    measures: tuple[float | None, ...] = ()
    """What is measured in this environment (`Knowledge.measures`), in that order; None where it has none."""
    flight: Flight | None = None
    """Its steps, where they were to be kept."""


class EpisodeObserver(Protocol):
    """Hears of every episode once it has ended."""

    def on_episode(self, episode: Episode) -> None: ...


def run_episodes(
    actor: Actor,
    spec: EnvSpec,
    seeds: Sequence[int],
    *,
    lanes: int = LANES,
    render_mode: str | None = None,
    keep: Keep = NOTHING,
) -> list[Episode]:
    """Run one episode for each seed, `lanes` at a time; gives them in the order of `seeds`."""
    with Fleet(actor, spec, lanes=min(lanes, len(seeds)), render_mode=render_mode, keep=keep) as fleet:
        return fleet.run(seeds)


class Fleet:
    """Some environment copies and who flies them, open for one batch of episodes after another."""

    def __init__(
        self,
        actor: Actor,
        spec: EnvSpec,
        *,
        lanes: int = LANES,
        render_mode: str | None = None,
        keep: Keep = NOTHING,
    ) -> None:
        """Open the environments.

        Raises:
            UsageError: observations are to be kept that are too large for it; otherwise as `envs.make`.
        """
        self._actor = actor
        self._lanes: list[Lane] = []
        try:
            for _ in range(lanes):
                self._lanes.append(Lane(spec, render_mode, keep))
        except BaseException:
            self.close()
            raise

    def run(self, seeds: Sequence[int], first_index: int = 0) -> list[Episode]:
        """One episode for each seed, numbered from `first_index`, in the order of `seeds`."""
        pending = iter(enumerate(seeds, start=first_index))
        finished: list[Episode] = []
        active = [lane for lane in self._lanes if lane.start(next(pending, None))]
        while active:
            # Not numpy.stack, which takes three times as long for a few dozen small arrays.
            obs = np.array([lane.obs for lane in active])
            actions = self._actor(obs, [lane.generator for lane in active])
            idle = False
            for lane, action in zip(active, _one_by_one(actions), strict=True):
                episode = lane.step(action)
                if episode is not None:
                    finished.append(episode)
                    idle |= not lane.start(next(pending, None))
            if idle:
                active = [lane for lane in active if lane.busy]
        return sorted(finished, key=lambda episode: episode.index)

    def close(self) -> None:
        for lane in self._lanes:
            lane.env.close()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _one_by_one(actions: NDArray[Any]) -> Iterable[Any]:
    """Discrete actions as Python's own numbers, in one go: one at a time costs more than all else here."""
    return actions.tolist() if actions.ndim == 1 and actions.dtype.kind == "i" else actions


class Lane:
    """One environment copy and the episode that it is flying."""

    def __init__(self, spec: EnvSpec, render_mode: str | None = None, keep: Keep = NOTHING) -> None:
        self.spec = spec
        self.env = envs.make(spec, render_mode)
        self._discrete = envs.is_discrete(self.env)
        self._known = knowledge_of(spec.id)
        measured = bool(self._known.measures)
        self._keep = keep
        self._keeps_actions = measured or keep.actions
        self._keeps_rewards = keep.actions
        self._keeps_observations = measured or keep.observations
        self._step = self.env.step
        self._check_size()
        # Copies, because an environment may hand out the same array again and again; in rows of one
        # array, because a small one for each step would fill the cache that the environments need.
        space = self.env.observation_space
        self._rows = np.empty((256 if self._keeps_observations else 0, *(space.shape or ())), space.dtype)
        self.busy = False
        self.total = 0.0
        """Return so far."""
        self.length = 0
        """Steps so far."""
        self.reward = 0.0
        """Of the last step."""
        self.obs: NDArray[Any] = np.empty(0)
        self.generator = np.random.default_rng(0)

    def start(self, task: tuple[int, int] | None) -> bool:
        """Begin the episode (index, seed); with None there is nothing left to do."""
        self.busy = task is not None
        if task is not None:
            self._index, self._seed = task
            self.total, self.length, self.reward = 0.0, 0, 0.0
            # Not from the seed alone: that is the very stream that the environment draws from.
            self.generator = np.random.default_rng([self._seed, 1])
            self.obs, _ = self.env.reset(seed=self._seed)
            self._actions: list[Any] = []
            self._rewards: list[float] = []
            if self._keeps_observations:
                self._rows[0] = self.obs
        return self.busy

    def step(self, action: Any) -> Episode | None:
        """One step; gives the episode when it has ended."""
        if self._discrete:
            action = int(action)
        if self._keeps_actions:
            # Before the step, and a copy: an environment may write into its action, and a function that
            # chooses actions may hand out the same array every time.
            self._actions.append(action if self._discrete else np.array(action))
        obs, reward, terminated, truncated, _ = self._step(action)
        reward = float(reward)
        self.obs, self.reward = obs, reward
        self.total += reward
        self.length += 1
        if self._keeps_rewards:
            self._rewards.append(reward)
        if self._keeps_observations:
            if self.length == len(self._rows):
                self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._rows[self.length] = obs
        if not (terminated or truncated):
            return None
        return self._episode(reward, bool(terminated))

    def _check_size(self) -> None:
        space = self.env.observation_space
        size = int(np.prod(space.shape or ())) * np.dtype(space.dtype).itemsize
        if self._keep.observations and size > LARGEST_KEPT:
            self.env.close()
            raise UsageError(
                f"An observation of {self.spec.id} takes {size:,} bytes; up to {LARGEST_KEPT:,} are kept of "
                "every step. Leave out observations=True."
            )

    def _episode(self, last_reward: float, terminated: bool) -> Episode:
        observations = self._rows[: self.length + 1].copy() if self._keeps_observations else np.empty(0)
        flight = Flight(np.array(self._actions), np.array(self._rewards), observations)
        outcome = self._known.outcome(last_reward, self.obs, terminated)
        measures = self._known.measure(flight.observations, flight.actions) if self._known.measures else ()
        return Episode(
            self._index,
            self._seed,
            self.total,
            self.length,
            outcome,
            tuple(measures),
            self._kept(flight),
        )

    def _kept(self, flight: Flight) -> Flight | None:
        keep, nothing = self._keep, np.empty(0)
        if not (keep.actions or keep.observations):
            return None
        return Flight(
            flight.actions if keep.actions else nothing,
            flight.rewards if keep.actions else nothing,
            flight.observations if keep.observations else nothing,
        )
