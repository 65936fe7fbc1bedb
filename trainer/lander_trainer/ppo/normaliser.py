"""Observations and rewards scaled by running statistics of the run so far.

The statistics change between two rollouts and not at every step. So one rollout is normalised with the same
statistics from its first action to its last epoch, and they do not depend on how lanes are stepped. Learners
are given normalised rollouts; for them nothing changes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_trainer.config import TrainConfig
from lander_trainer.ppo.rollout import Rollout

LIMIT = np.float32(10.0)
"""Normalised observations and rewards are clipped to [-10, 10], as in Stable-Baselines3's VecNormalize: a
value unlike all before must not drive a network to extremes."""

_SMALLEST_VARIANCE = 1e-8
"""Added to the variance, so that a component that never changes is not divided by 0."""


class RunningMoments:
    """Mean and variance of all rows so far, in double precision: it keeps small differences far from 0."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Start without rows; each row will have `shape`."""
        self.count = 0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)
        """Sum of squared distances from the mean."""

    def update(self, rows: NDArray[Any]) -> None:
        """Add `rows` `[R, *shape]` (Chan, Golub and LeVeque 1983, equation 2.1)."""
        if not len(rows):
            return
        count, rows = self.count + len(rows), rows.astype(np.float64)
        mean = rows.mean(axis=0)
        shift = mean - self.mean
        self.squares = (
            self.squares
            + np.square(rows - mean).sum(axis=0)
            + np.square(shift) * (self.count * len(rows) / count)
        )
        self.mean = self.mean + shift * (len(rows) / count)
        self.count = count

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Standard deviation `[*shape]` (over n, not n - 1), never 0; 1 while there are no rows."""
        variance = self.squares / self.count if self.count else np.ones_like(self.squares)
        return np.sqrt(variance + _SMALLEST_VARIANCE)

    def state(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs."""
        return {"count": np.array(self.count), "mean": np.array(self.mean), "squares": np.array(self.squares)}

    def restore(self, state: dict[str, NDArray[Any]], name: str) -> None:
        """Take over what `state` returned, its keys prefixed with `name` and a dot.

        Raises:
            InputRefused: the state is missing or belongs to rows of another shape.
        """
        count, mean, squares = (
            state.get(f"{name}.{part}", np.array(None)) for part in ("count", "mean", "squares")
        )
        moments = all(
            array.dtype == np.float64 and array.shape == self.mean.shape and np.isfinite(array).all()
            for array in (mean, squares)
        )
        counted = count.dtype == np.int64 and count.shape == () and count >= 0
        if not (moments and counted and (squares >= 0.0).all()):
            raise InputRefused(f"The checkpoint's normaliser ({name}) is missing or broken.")
        self.count, self.mean, self.squares = int(count), mean.copy(), squares.copy()


class Normaliser:
    """Normalises observations, rewards, both or nothing, as the settings say."""

    def __init__(self, config: TrainConfig, shape: tuple[int, ...]) -> None:
        """For observations of `shape`."""
        self._config = config
        self._moments: dict[str, RunningMoments] = {}
        if config.normalize_observations:
            self._moments["observations"] = RunningMoments(shape)
        if config.normalize_rewards:
            self._moments["returns"] = RunningMoments(())
        self._returns = np.zeros(config.lanes)
        """`[N]`: each lane's discounted return so far in its running episode, gamma * return + reward."""
        self._frozen: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._freeze()

    def start_from(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on with the statistics of observations in `state`; nothing changes where there are none.

        Raises:
            InputRefused: they belong to observations of another shape.
        """
        if state and "observations" in self._moments:
            self._moments["observations"].restore(dict(state), "observations")
            self._freeze()

    @property
    def frozen(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Mean and deviation of observations in use now, float32 `[*obs_shape]` each; None if off."""
        return self._frozen

    def observations(self, obs: NDArray[Any]) -> NDArray[Any]:
        """`obs` `[..., *obs_shape]` as the networks see them: float32, or unchanged if this is off.

        In single precision, with the same operations in the same order as the exported graph.
        """
        if self._frozen is None:
            return obs
        mean, deviation = self._frozen
        return np.clip((obs.astype(np.float32) - mean) / deviation, -LIMIT, LIMIT)

    def rewards(self, rollout: Rollout) -> NDArray[np.float32]:
        """The rewards `[T, N]` of the next rollout, divided by the deviation of the discounted return.

        Not shifted, since a shift would change whether longer episodes pay (Engstrom et al. 2020, section 3).
        The deviation includes this rollout: unlike observations, rewards influence no action in it.
        Call once for each rollout, in order.
        """
        moments = self._moments.get("returns")
        if moments is None:
            return rollout.rewards
        gamma, ended = self._config.gamma, rollout.terminated | rollout.truncated
        returns = np.zeros(rollout.rewards.shape)
        for step, rewards in enumerate(rollout.rewards):
            self._returns = gamma * self._returns + rewards
            returns[step] = self._returns
            self._returns[ended[step]] = 0.0
        moments.update(returns[rollout.live])
        scaled = rollout.rewards / np.float32(moments.deviation)
        return np.clip(scaled, -LIMIT, LIMIT)

    def normalised(self, rollout: Rollout) -> Rollout:
        """`rollout` as the learner is given it; call once for each rollout, in order."""
        return replace(rollout, obs=self.observations(rollout.obs), rewards=self.rewards(rollout))

    def learn(self, rollout: Rollout) -> None:
        """Add the observations that the policy acted on to the statistics, for the next rollout on.

        Call after the update: the learner must see this rollout as the policy saw it.
        """
        moments = self._moments.get("observations")
        if moments is not None:
            moments.update(rollout.obs[:-1][rollout.live])
            self._freeze()

    def state(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs; empty if nothing is normalised."""
        state = {
            f"{name}.{part}": array
            for name, moments in self._moments.items()
            for part, array in moments.state().items()
        }
        return {**state, "lanes": self._returns.copy()} if "returns" in self._moments else state

    def restore(self, state: dict[str, NDArray[Any]], *, lanes: bool = True) -> None:
        """Take over what `state` returned.

        Args:
            state: of a run with the same settings.
            lanes: whether the environments are back in their state too, so that running returns continue.

        Raises:
            InputRefused: the state is missing or does not fit.
        """
        for name, moments in self._moments.items():
            moments.restore(state, name)
        if lanes and "returns" in self._moments:
            returns = state.get("lanes", np.array(None))
            if returns.dtype != np.float64 or returns.shape != self._returns.shape:
                raise InputRefused("The checkpoint's normaliser (lanes) is missing or broken.")
            self._returns = returns.copy()
        self._freeze()

    def _freeze(self) -> None:
        moments = self._moments.get("observations")
        if moments is not None:
            self._frozen = moments.mean.astype(np.float32), moments.deviation.astype(np.float32)
