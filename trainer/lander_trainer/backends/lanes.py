"""Gymnasium's environments in one process; restores environments by replaying recorded actions.

Separate from the backend because its worker processes run this too; this file must not load PyTorch.

Not `gymnasium.vector.SyncVectorEnv`, which is slower: on LunarLander 23,400 steps a second on one core,
against 30,300 here (64 lanes), and that was before `envs/quick.py`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.envs.faults import (
    as_observation,
    as_reward,
    bad_number,
    close_quietly,
    raised,
    when,
)
from lander_runtime.envs.known import knowledge_of
from lander_runtime.envs.quick import buffer_draws, check_quickly
from lander_runtime.errors import InputRefused
from lander_runtime.seeds import FIRST_SELECTION_SEED
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.workers.cores import stay_on
from lander_trainer.backends.base import StepResult


@dataclass(frozen=True)
class ActionHistory:
    """The running episodes of N lanes: seed and actions determine a deterministic environment's state."""

    episodes: NDArray[np.int64]
    """`[N]`: number of each lane's running episode, from 0; the seed follows from it."""
    lengths: NDArray[np.int64]
    """`[N]`: number of actions so far in that episode."""
    actions: NDArray[Any]
    """`[sum of lengths, *action_shape]`: lane 0's actions, then lane 1's, and so on."""

    def split(self, counts: list[int]) -> "list[ActionHistory]":
        """Cut into groups, each with as many lanes as `counts` says."""
        lanes = np.cumsum(counts)[:-1]
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        return [
            ActionHistory(*parts)
            for parts in zip(
                np.split(self.episodes, lanes),
                np.split(self.lengths, lanes),
                np.split(self.actions, ends[lanes]),
                strict=True,
            )
        ]

    @classmethod
    def read(cls, state: dict[str, NDArray[Any]], lanes: int, action: Space) -> "ActionHistory":
        """The history in a checkpoint's `state`, of `lanes` lanes with actions of the space `action`.

        Raises:
            InputRefused: an array is missing or has impossible contents; the message names it.
        """
        whole = {name: _whole_numbers(state, name) for name in ("episodes", "lengths")}
        history = cls(**whole, actions=_actions(state, action))
        for name in ("episodes", "lengths"):
            if whole[name].shape != (lanes,):
                raise InputRefused(f"The state of the environments ({name}) is not that of {lanes} lanes.")
        # The largest first: a sum of very large lengths would overflow.
        total = len(history.actions)
        if history.lengths.max() > total or history.lengths.sum() != total:
            raise InputRefused(f"The state of the environments (lengths) does not fit its {total} actions.")
        return history

    @classmethod
    def join(cls, parts: "list[ActionHistory]") -> "ActionHistory":
        """The inverse of `split`."""
        return cls(
            np.concatenate([part.episodes for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.actions for part in parts]),
        )


def _whole_numbers(state: dict[str, NDArray[Any]], name: str) -> NDArray[np.int64]:
    """The entry `name`, a vector of numbers from 0 to 2^62, so that adding to them cannot overflow."""
    array = state.get(name)
    if array is None or array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputRefused(f"The state of the environments ({name}) is missing or no list of whole numbers.")
    if array.size and not (int(array.min()) >= 0 and int(array.max()) <= 2**62):
        raise InputRefused(f"The state of the environments ({name}) holds a number that is out of range.")
    return array.astype(np.int64)


def _actions(state: dict[str, NDArray[Any]], action: Space) -> NDArray[Any]:
    """The entry `actions`, all of them valid in the space `action`."""
    if action.nvec:
        return _choices(state, action)
    if action.n is None:
        array = state.get("actions", np.array(None))
        shape = action.shape
        if array.dtype != np.float32 or array.ndim != 1 + len(shape) or array.shape[1:] != shape:
            raise InputRefused(
                "The state of the environments (actions) is missing or not one of "
                f"float32 actions of shape {list(shape)}."
            )
        if not np.isfinite(array).all():
            raise InputRefused("The state of the environments (actions) holds a number that is not finite.")
        return array
    array = _whole_numbers(state, "actions")
    if array.size and array.max() >= action.n:
        raise InputRefused(
            f"The state of the environments (actions) holds action {array.max()}; "
            f"there are {action.n}, from 0."
        )
    return array


def _choices(state: dict[str, NDArray[Any]], action: Space) -> NDArray[np.int64]:
    """The entry `actions` `[M, k]`, of the MultiDiscrete space `action`."""
    array = state.get("actions", np.array(None))
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1:] != action.shape:
        raise InputRefused(
            "The state of the environments (actions) is missing or not one of "
            f"{action.shape[0]} whole numbers each."
        )
    if ((array < 0) | (array >= np.array(action.nvec))).any():
        raise InputRefused(
            "The state of the environments (actions) holds a number that is out of range; "
            f"there are {list(action.nvec)}, from 0."
        )
    return array.astype(np.int64)


class Lanes:
    """Some of a run's environment copies. Each episode has its own seed, so that it can be repeated."""

    def __init__(self, spec: EnvSpec, seed: int, first: int, count: int) -> None:
        """Make lanes `first` to `first + count - 1` of the run with `seed`."""
        self._id = spec.id
        self._seed = seed
        self._first = first
        self._envs = [envs.make(spec) for _ in range(count)]
        for env in self._envs:
            check_quickly(env)
        self._draws_single_uniforms = knowledge_of(spec.id).draws_single_uniforms
        space = self._envs[0].observation_space
        self._obs = np.zeros((count, *(space.shape or ())), space.dtype)
        self._ended = np.zeros(count, bool)
        self._episodes = [-1] * count
        self._actions: list[list[Any]] = [[] for _ in range(count)]
        self._action = envs.describe_spaces(self._envs[0])[1]

    def action_space(self) -> Space:
        """The environments' action space."""
        return self._action

    def reset(self) -> NDArray[Any]:
        """Start the first episode of every lane; returns observations `[N, *obs_shape]`."""
        for lane in range(len(self._envs)):
            self._start(lane, 0)
        self._check_numbers()
        return self._obs

    def step(self, actions: NDArray[Any]) -> StepResult:
        """One step in every lane, as the table in `base.py` says."""
        count = len(self._envs)
        rewards = np.zeros(count, np.float32)
        terminated = np.zeros(count, bool)
        truncated = np.zeros(count, bool)
        for lane, action in enumerate(self._one_by_one(actions)):
            if self._ended[lane]:
                self._start(lane, self._episodes[lane] + 1)
            else:
                self._actions[lane].append(action)
                rewards[lane], terminated[lane], truncated[lane] = self._step(lane, action)
        self._check_numbers()
        return StepResult(self._obs, rewards, terminated, truncated)

    def history(self) -> ActionHistory:
        """What `restore` needs."""
        lengths = [len(actions) for actions in self._actions]
        actions = [action for actions in self._actions for action in actions]
        done = np.array(actions, self._action.dtype).reshape(-1, *self._action.shape)
        return ActionHistory(np.array(self._episodes), np.array(lengths), done)

    def restore(self, history: ActionHistory) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Repeat every lane's running episode with its recorded actions.

        Returns:
            The last observations `[N, *obs_shape]`, and whether the episodes have ended, bool `[N]`. If an
            episode ends early, the environment is not deterministic; its other actions are left out.
        """
        ends = np.cumsum(history.lengths)
        for lane, (episode, end, length) in enumerate(
            zip(history.episodes.tolist(), ends.tolist(), history.lengths.tolist(), strict=True)
        ):
            self._start(lane, episode)
            self._actions[lane] = [*self._one_by_one(history.actions[end - length : end])]
            for action in self._actions[lane]:
                if not self._ended[lane]:
                    self._step(lane, action)
        return self._obs, self._ended

    def close(self) -> None:
        for env in self._envs:
            close_quietly(env)

    def _one_by_one(self, actions: NDArray[Any]) -> Iterable[Any]:
        """The action of each lane, of `[N, *action_shape]`; copies, because the history keeps them."""
        return actions.tolist() if self._action.n is not None else actions.copy()

    def _start(self, lane: int, episode: int) -> None:
        self._episodes[lane] = episode
        self._actions[lane] = []
        self._ended[lane] = False
        seed = self._seed_of(lane)
        try:
            obs, _ = self._envs[lane].reset(seed=seed)
        except (Exception, SystemExit) as error:
            raise raised(self._id, error, when(seed, 0)) from error
        if self._draws_single_uniforms:
            buffer_draws(self._envs[lane])
        self._obs[lane] = self._observed(obs, lane)

    def _step(self, lane: int, action: Any) -> tuple[float, bool, bool]:
        if self._action.n is None:
            # A copy: an environment may write into its array, and the history must not change.
            action = np.array(action)
        try:
            obs, reward, terminated, truncated, _ = self._envs[lane].step(action)
            terminated, truncated = bool(terminated), bool(truncated)
        except (Exception, SystemExit) as error:
            raise raised(self._id, error, self._when(lane)) from error
        self._obs[lane] = self._observed(obs, lane)
        self._ended[lane] = terminated or truncated
        # NumPy's float64 is a float too.
        if not isinstance(reward, float) or not math.isfinite(reward):
            reward = as_reward(reward, self._id, self._seed_of(lane), len(self._actions[lane]))
        # A step may report both; then it counts as terminated, so that nothing is bootstrapped.
        return reward, terminated, truncated and not terminated

    def _observed(self, obs: Any, lane: int) -> NDArray[Any]:
        """An observation as its Box declares it."""
        dtype, shape = self._obs.dtype, self._obs.shape[1:]
        if type(obs) is np.ndarray and obs.dtype is dtype and obs.shape == shape:
            return obs
        return as_observation(obs, dtype, shape, self._id, self._seed_of(lane), len(self._actions[lane]))

    def _check_numbers(self) -> None:
        """Raise `EnvironmentFailed` for a NaN or an infinity: nothing can be learned from it."""
        if self._obs.dtype.kind == "f" and not np.isfinite(self._obs).all():
            finite = np.isfinite(self._obs).reshape(len(self._obs), -1).all(axis=1)
            lane = int(np.argmin(finite))
            raise bad_number(self._obs[lane], self._id, self._seed_of(lane), len(self._actions[lane]))

    def _seed_of(self, lane: int) -> int:
        return episode_seed(self._seed, self._first + lane, self._episodes[lane])

    def _when(self, lane: int) -> str:
        return when(self._seed_of(lane), len(self._actions[lane]))


def episode_seed(seed: int, lane: int, episode: int) -> int:
    """The environment's seed for an episode, counted from 0, of a lane of the run with `seed`."""
    drawn = np.random.SeedSequence([seed, lane, episode]).generate_state(1)[0]
    return int(drawn) % FIRST_SELECTION_SEED


def open_lanes(
    registration: envs.Registration, spec: EnvSpec, seed: int, first: int, count: int, core: int | None = None
) -> Lanes:
    """Open `Lanes` in a worker process.

    Args:
        registration: the environment's in the main process, which a worker may lack.
        spec: the environment.
        seed: of the run.
        first: number of the first lane.
        count: number of lanes.
        core: keeps this process and all processes that it starts on this core; None for any core.
    """
    if core is not None:
        stay_on(core)
    registration.adopt()
    return Lanes(spec, seed, first, count)
