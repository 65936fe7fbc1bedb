"""A lane: one environment copy, and the episode that runs in it."""

from collections.abc import Callable
from math import isfinite
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from numpy.typing import NDArray

from lander_runtime import envs
from lander_runtime.actions_seen import ActionsSeen
from lander_runtime.envs.faults import as_observation, as_reward, bad_number, close_quietly, raised, when
from lander_runtime.envs.known import knowledge_of
from lander_runtime.envs.quick import buffer_draws, check_quickly
from lander_runtime.episodes.episode import NOTHING, Episode, Keep, Trajectory
from lander_runtime.episodes.history import ObservationHistory
from lander_runtime.errors import UsageError
from lander_runtime.spec import EnvSpec

LARGEST_KEPT = 4096
"""Bytes of the largest observation that may be kept: a thousand numbers, but no picture."""


class Lane:
    """One environment copy and the episode that runs in it.

    Raises:
        EnvironmentFailed: from `start` and `step`, the environment's own code raised, or it returned what it
            does not promise.
        UsageError: `keep` asks for observations that are too large; otherwise as `envs.make`.
    """

    def __init__(self, spec: EnvSpec, render_mode: str | None = None, keep: Keep = NOTHING) -> None:
        """Open the environment."""
        self.spec = spec
        self.env = envs.make(spec, render_mode)
        check_quickly(self.env)
        self._discrete = envs.is_discrete(self.env)
        self._known = knowledge_of(spec.id)
        measured = bool(self._known.measures)
        self._keep = keep
        self._keeps_actions = measured or keep.actions or keep.actions_seen
        self._keeps_rewards = keep.actions
        self._step, self._limit = _without_outer_wrappers(self.env)
        self._check_size()
        self._dtype = envs.declared_dtype(self.env)
        self._shape = self.env.observation_space.shape or ()
        self._history = self.new_history(1) if measured or keep.observations else None
        self.column = 0
        """Its place in the history."""
        self.busy = False
        self.total = 0.0
        """Return so far, the undiscounted sum of rewards."""
        self.length = 0
        """Steps so far."""
        self.reward = 0.0
        """Reward of the last step."""
        self.terminated = False
        """Whether the last episode was terminated, not truncated."""
        self.obs: NDArray[Any] = np.empty(0)
        """The last observation; of a Box, as an array of the type that the environment declares."""
        self._generator: np.random.Generator | None = None

    @property
    def generator(self) -> np.random.Generator:
        """The episode's own, made at its first use: a greedy actor draws nothing."""
        if self._generator is None:
            # With a 1 added: from the seed alone it would be the stream that the environment draws from.
            self._generator = np.random.default_rng([self._seed, 1])
        return self._generator

    def new_history(self, lanes: int) -> ObservationHistory:
        """What keeps the observations of `lanes` lanes like this one."""
        space = self.env.observation_space
        return ObservationHistory(lanes, space.shape or (), np.dtype(space.dtype))

    def share(self, history: ObservationHistory, column: int) -> None:
        """From now on `history` keeps the observations, given to it by what steps several lanes together."""
        self._history, self.column = history, column

    @property
    def keeps_observations(self) -> bool:
        """Whether an episode needs all observations: asked for, or for what its measures are made of."""
        return self._history is not None

    def start(self, task: tuple[int, int] | None) -> bool:
        """Begin the episode (index, seed), or become idle with None; returns whether the lane is busy."""
        self.busy = task is not None
        if task is not None:
            self._index, self._seed = task
            self.total, self.length, self.reward = 0.0, 0, 0.0
            self._generator = None
            try:
                obs, _ = self.env.reset(seed=self._seed)
            except (Exception, SystemExit) as error:
                raise self._raised(error, 0) from error
            if self._known.draws_single_uniforms:
                buffer_draws(self.env)
            self.obs = self._observed(obs, 0)
            self._actions: list[Any] = []
            self._rewards: list[float] = []
            if self._history is not None:
                self._history.begin(self.column)
        return self.busy

    def step(self, action: Any) -> Episode | None:
        """Take one step; returns the episode if it has ended."""
        if self._history is not None:
            self._history.add(slice(None), self.obs[None])
        return self.advance(action)

    def advance(self, action: Any) -> Episode | None:
        """`step` for a lane that shares its history, to which the observation was already given."""
        if self._discrete and type(action) is not int:
            action = int(action)
        if self._keeps_actions:
            # Before the step, and as a copy: an environment may write into its action, and an actor may
            # return the same array every time.
            self._actions.append(action if self._discrete else np.array(action))
        number = self.length + 1
        try:
            obs, reward, terminated, truncated, _ = self._step(action)
            ended = terminated or truncated or number == self._limit
        except (Exception, SystemExit) as error:
            raise self._raised(error, number) from error
        # NumPy's float64 is a float too, and as_reward would take three times as long for it.
        if not isinstance(reward, float) or not isfinite(reward):
            reward = as_reward(reward, self.spec.id, self._seed, number)
        reward = float(reward)
        # Here and not in `_observed`, because this is done at every step; and by identity, because comparing
        # two dtypes takes three times as long.
        if type(obs) is not np.ndarray or obs.dtype is not self._dtype or obs.shape != self._shape:
            obs = self._observed(obs, number)
        self.obs, self.reward = obs, reward
        self.total += reward
        self.length = number
        if self._keeps_rewards:
            self._rewards.append(reward)
        if not ended:
            return None
        self.busy, self.terminated = False, bool(terminated)
        return self._episode()

    def render(self) -> Any:
        """The environment's picture of this moment.

        Raises:
            EnvironmentFailed: its own code raised.
        """
        try:
            return self.env.render()
        except (Exception, SystemExit) as error:
            place = when(self._seed, self.length)
            raise raised(self.spec.id, error, f"while it was drawn {place}") from error

    def check_numbers(self) -> None:
        """Raise `EnvironmentFailed` if the last observation has a NaN."""
        if self.obs.dtype.kind == "f" and np.isnan(self.obs).any():
            raise bad_number(self.obs, self.spec.id, self._seed, self.length)

    def _observed(self, obs: Any, step: int) -> Any:
        """An observation as its Box declares it; of another space it stays as it is."""
        if self._dtype is None:
            return obs
        return as_observation(obs, self._dtype, self._shape, self.spec.id, self._seed, step)

    def _raised(self, error: BaseException, step: int) -> BaseException:
        return raised(self.spec.id, error, when(self._seed, step))

    def close(self) -> None:
        """Close the environment."""
        close_quietly(self.env)

    def _check_size(self) -> None:
        space = self.env.observation_space
        size = int(np.prod(space.shape or ())) * np.dtype(space.dtype).itemsize
        if self._keep.observations and size > LARGEST_KEPT:
            close_quietly(self.env)
            raise UsageError(
                f"An observation of {self.spec.id} takes {size:,} bytes; only observations of up to "
                f"{LARGEST_KEPT:,} bytes can be kept. Leave out observations=True."
            )

    def _episode(self) -> Episode:
        observations = np.empty(0) if self._history is None else self._history.end(self.column, self.obs)
        trajectory = Trajectory(np.array(self._actions), np.array(self._rewards), observations)
        outcome = self._known.outcome(self.reward, self.obs, self.terminated)
        measures = (
            self._known.measure(trajectory.observations, trajectory.actions) if self._known.measures else ()
        )
        return Episode(
            self._index,
            self._seed,
            self.total,
            self.length,
            outcome,
            tuple(measures),
            self._kept(trajectory),
            self._seen(trajectory.actions) if self._keep.actions_seen else None,
        )

    def _seen(self, actions: NDArray[Any]) -> ActionsSeen | None:
        """What `actions` `[T, *shape]` were, beside the bounds of the space."""
        if self._discrete:
            return None
        space: Any = self.env.action_space
        at_bounds = ((actions <= space.low) | (actions >= space.high)).reshape(len(actions), -1).any(axis=1)
        ends = (float(space.low.min()), float(space.high.max()))
        return ActionsSeen(
            len(actions),
            int(at_bounds.sum()),
            float(actions.min()),
            float(actions.max()),
            (ends[0] if isfinite(ends[0]) else None, ends[1] if isfinite(ends[1]) else None),
        )

    def _kept(self, trajectory: Trajectory) -> Trajectory | None:
        keep, nothing = self._keep, np.empty(0)
        if not (keep.actions or keep.observations):
            return None
        return Trajectory(
            trajectory.actions if keep.actions else nothing,
            trajectory.rewards if keep.actions else nothing,
            trajectory.observations if keep.observations else nothing,
        )


def _without_outer_wrappers(env: gymnasium.Env[Any, Any]) -> tuple[Callable[[Any], Any], int | None]:
    """What steps `env` without the two wrappers that `gymnasium.make` puts around it, and their limit.

    OrderEnforcing only checks that there was a reset, and TimeLimit only counts; a lane does both. Together
    they take up to a microsecond of each step.

    Returns:
        The inner `step`; the number of the step that TimeLimit truncates, None where `step` does that itself.
    """
    # By type and only from the outside: any other wrapper may change what a step is.
    if type(env) is not TimeLimit or env.spec is None or env.spec.max_episode_steps is None:
        return env.step, None
    inner = env.env
    return (inner.env if type(inner) is OrderEnforcing else inner).step, env.spec.max_episode_steps
