"""Gymnasium's environments, one after the other in one process, and what it takes to rebuild their state.

Apart from the backend because its worker processes run the same; this file must not load PyTorch.

Not `gymnasium.vector.SyncVectorEnv`: its bookkeeping per call took 22% of the stepping itself on
LunarLander (64 lanes, 23,400 against 30,300 steps a second on one core).
"""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.errors import InputRefused
from lander_runtime.spec import EnvSpec
from lander_trainer.backends.base import StepResult
from lander_trainer.config import SEEDS


@dataclass(frozen=True)
class History:
    """How N lanes came to where they are: every environment is a function of its seed and actions."""

    episodes: NDArray[np.int64]
    """`[N]`: number of each lane's episode, from 0; it decides the seed."""
    lengths: NDArray[np.int64]
    """`[N]`: actions done in it."""
    actions: NDArray[Any]
    """`[sum of lengths, *action_shape]`: lane 0's actions, then lane 1's, and so on."""

    def split(self, counts: list[int]) -> "list[History]":
        """Cut into groups of so many lanes each."""
        lanes = np.cumsum(counts)[:-1]
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        return [
            History(*parts)
            for parts in zip(
                np.split(self.episodes, lanes),
                np.split(self.lengths, lanes),
                np.split(self.actions, ends[lanes]),
                strict=True,
            )
        ]

    @classmethod
    def read(cls, state: dict[str, NDArray[Any]], lanes: int) -> "History":
        """The history of `lanes` lanes out of a checkpoint.

        Raises:
            InputRefused: an array is missing or does not fit the others.
        """
        try:
            history = cls(state["episodes"], state["lengths"], state["actions"])
            whole = all(np.issubdtype(array.dtype, np.integer) for array in vars(history).values())
            counts = history.episodes.shape == history.lengths.shape == (lanes,)
            fits = whole and counts and min(history.episodes.min(), history.lengths.min()) >= 0
            fits = fits and len(history.actions) == history.lengths.sum()
        except (KeyError, TypeError, ValueError) as error:
            raise InputRefused(f"The state of the environments is incomplete ({error}).") from error
        if not fits:
            raise InputRefused(f"The state of the environments is not that of {lanes} lanes.")
        return history

    @classmethod
    def join(cls, parts: "list[History]") -> "History":
        """The inverse of `split`."""
        return cls(
            np.concatenate([part.episodes for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.actions for part in parts]),
        )


class Lanes:
    """Some of a run's environment copies. Each episode has a seed of its own, so that it can be repeated."""

    def __init__(self, spec: EnvSpec, seed: int, first: int, count: int) -> None:
        """Make lanes `first` to `first + count - 1` of the run with `seed`."""
        self._seed = seed
        self._first = first
        self._envs = [envs.make(spec) for _ in range(count)]
        space = self._envs[0].observation_space
        self._obs = np.zeros((count, *(space.shape or ())), space.dtype)
        self._ended = [False] * count
        self._episodes = [-1] * count
        self._actions: list[list[Any]] = [[] for _ in range(count)]

    def reset(self) -> NDArray[Any]:
        """Start the first episode of every lane; gives observations `[N, *obs_shape]`."""
        for lane in range(len(self._envs)):
            self._start(lane, 0)
        return self._obs

    def step(self, actions: NDArray[np.int64]) -> StepResult:
        """One call for every lane, as drawn in `base.py`."""
        count = len(self._envs)
        rewards = np.zeros(count, np.float32)
        terminated = np.zeros(count, bool)
        truncated = np.zeros(count, bool)
        for lane, action in enumerate(actions.tolist()):
            if self._ended[lane]:
                self._start(lane, self._episodes[lane] + 1)
            else:
                self._actions[lane].append(action)
                rewards[lane], terminated[lane], truncated[lane] = self._step(lane, action)
        return StepResult(self._obs, rewards, terminated, truncated)

    def history(self) -> History:
        """What `restore` needs."""
        lengths = [len(actions) for actions in self._actions]
        actions = [action for actions in self._actions for action in actions]
        return History(np.array(self._episodes), np.array(lengths), np.array(actions, np.int64))

    def restore(self, history: History) -> NDArray[Any]:
        """Fly every lane's episode again up to where it was; gives the observations there."""
        ends = np.cumsum(history.lengths)
        for lane, (episode, end, length) in enumerate(
            zip(history.episodes.tolist(), ends.tolist(), history.lengths.tolist(), strict=True)
        ):
            self._start(lane, episode)
            self._actions[lane] = history.actions[end - length : end].tolist()
            for action in self._actions[lane]:
                self._step(lane, action)
        return self._obs

    def close(self) -> None:
        for env in self._envs:
            env.close()

    def _start(self, lane: int, episode: int) -> None:
        self._episodes[lane] = episode
        self._actions[lane] = []
        self._ended[lane] = False
        seed = np.random.SeedSequence([self._seed, self._first + lane, episode]).generate_state(1)[0]
        self._obs[lane], _ = self._envs[lane].reset(seed=int(seed) % SEEDS)

    def _step(self, lane: int, action: Any) -> tuple[float, bool, bool]:
        obs, reward, terminated, truncated, _ = self._envs[lane].step(action)
        self._obs[lane] = obs
        self._ended[lane] = bool(terminated or truncated)
        # A step may report both at once; the environment's own end wins, so nothing is bootstrapped.
        return float(reward), bool(terminated), bool(truncated and not terminated)


def open_lanes(registered: Any, spec: EnvSpec, seed: int, first: int, count: int) -> Lanes:
    """`Lanes` in a process that may not know the environment yet; `registered` is its entry elsewhere."""
    gymnasium.registry.setdefault(registered.id, registered)
    return Lanes(spec, seed, first, count)
