"""native: LunarLander in `lander_simulator`, in vectors of lanes, many times faster than Gymnasium's.

It is used for training and never for scoring. The first episode of every lane has the seed that it has on
the Gymnasium backend, below those of selections and scores. Later episodes have no seeds: the lane's random
generator goes on, as in Gymnasium's vector environments, so that a reset costs no more than a step. With
`level_replay` every episode has a seed, since some are to come again.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.envs.registry import registered
from lander_runtime.errors import InputRefused
from lander_runtime.spec import EnvSpec
from lander_simulator import STATE, LunarLanderBatch
from lander_trainer.backends.base import StepResult
from lander_trainer.backends.lanes import episode_seed
from lander_trainer.backends.levels import LevelReplay
from lander_trainer.backends.stored import stored_array

MOST_THREADS = 256
"""As `LunarLanderBatch` takes them."""

_CONTINUOUS = {"LunarLander-v3": False, "LunarLanderContinuous-v3": True}
_ENTRY_POINT = "gymnasium.envs.box2d.lunar_lander:LunarLander"
_KWARGS = ("continuous", "gravity", "enable_wind", "wind_power", "turbulence_power")


def refusal(spec: EnvSpec) -> str | None:
    """Why the simulator cannot step `spec`; None if it can."""
    if spec.id not in _CONTINUOUS:
        return f"The simulator does not have {spec.id}; it has {' and '.join(_CONTINUOUS)}."
    if registered(spec.id).entry_point != _ENTRY_POINT:
        return f"{spec.id} is registered here as another environment than Gymnasium's own."
    if spec.wrappers:
        return f"The simulator's {spec.id} takes no wrappers."
    unknown = [name for name in spec.kwargs if name not in _KWARGS]
    if unknown:
        return f"The simulator's {spec.id} has no argument {unknown[0]}; it has {', '.join(_KWARGS)}."
    for name, value in spec.kwargs.items():
        if not isinstance(value, bool | int | float) or not np.isfinite(value):
            return f"The simulator's {spec.id} needs a finite number as {name}, not {value!r}."
    return None


def open_batch(spec: EnvSpec, lanes: int, threads: int = 1) -> LunarLanderBatch:
    """`lanes` landers of `spec`, which `refusal` has not refused."""
    settings = {"continuous": _CONTINUOUS[spec.id], **spec.kwargs}
    return LunarLanderBatch(
        lanes, max_episode_steps=spec.max_episode_steps or 1000, threads=threads, **settings
    )


class NativeBackend:
    """`lanes` landers in one batch, which already follows next-step autoreset."""

    name = "native"

    def __init__(self, spec: EnvSpec, lanes: int, seed: int, threads: int, level_replay: float = 0.0) -> None:
        self.lanes = lanes
        self._seed = seed
        self._batch = open_batch(spec, lanes, threads)
        self._obs = np.zeros((lanes, 8), np.float32)
        self._levels: LevelReplay | None = None
        if level_replay > 0:
            assert spec.reward_threshold is not None, "checked by plan_training"
            self._levels = LevelReplay(lanes, seed, level_replay, spec.reward_threshold)

    def reset(self) -> NDArray[Any]:
        seeds = [episode_seed(self._seed, lane, 0) for lane in range(self.lanes)]
        if self._levels is not None:
            self._levels.begin(seeds)
        self._obs = self._batch.reset(seeds)
        return self._obs

    def step(self, actions: NDArray[Any]) -> StepResult:
        self._obs, rewards, terminated, truncated = self._batch.step(actions)
        if self._levels is not None:
            self._batch.seed(*self._levels.after(rewards, terminated | truncated))
        # A step may report both; then it counts as terminated, so that nothing is bootstrapped.
        return StepResult(self._obs, rewards.astype(np.float32), terminated, truncated & ~terminated)

    def state(self) -> dict[str, NDArray[Any]]:
        records = self._batch.state().view(np.uint8).reshape(self.lanes, STATE.itemsize)
        levels = {} if self._levels is None else self._levels.state()
        return {"seed": np.array(self._seed), "records": records, "obs": self._obs.copy(), **levels}

    def restore(self, state: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        records = _records(state, self.lanes)
        self._obs = stored_array(state, "obs", np.float32, (self.lanes, 8)).copy()
        self._batch.restore(records)
        if self._levels is not None:
            self._levels.restore(state)
        return self._obs, records["over"] != 0

    def close(self) -> None:
        self._batch.close()


def native_returns(
    actor: Callable[[NDArray[Any]], NDArray[Any]], spec: EnvSpec, seeds: Sequence[int]
) -> NDArray[np.float64]:
    """Returns `[R]` of one episode for each of R seeds, all stepped together.

    Args:
        actor: observations `[N, 8]` -> actions `[N, ...]`.
        spec: the environment, which `refusal` has not refused.
        seeds: at least one.
    """
    returns = np.zeros(len(seeds))
    batch, going = open_batch(spec, len(seeds)), np.arange(len(seeds))
    try:
        obs, flying = batch.reset(seeds), np.ones(len(seeds), bool)
        while flying.any():
            obs, rewards, terminated, truncated = batch.step(actor(obs))
            returns[going[flying]] += rewards[flying]
            flying &= ~(terminated | truncated)
            # A few long episodes would otherwise carry all those that are over.
            if 0 < 2 * flying.sum() <= len(flying):
                smaller = open_batch(spec, int(flying.sum()))
                smaller.restore(batch.state()[flying])
                batch.close()
                batch, obs, going = smaller, obs[flying], going[flying]
                flying = np.ones(len(going), bool)
    finally:
        batch.close()
    return returns


def _records(state: dict[str, NDArray[Any]], lanes: int) -> NDArray[np.void]:
    """Every lane's state, `[N]` of `STATE`, from its bytes; all its numbers are finite."""
    raw = np.ascontiguousarray(stored_array(state, "records", np.uint8, (lanes, STATE.itemsize)))
    records = raw.view(STATE).reshape(lanes)
    if not _finite(records):
        raise InputRefused("The state of the environments (records) holds a number that is not finite.")
    return records


def _finite(array: NDArray[Any]) -> bool:
    """Whether all floats in `array`, in its fields too, are finite: a damaged file may hold any bits."""
    if array.dtype.names is not None:
        return all(_finite(array[name]) for name in array.dtype.names)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
