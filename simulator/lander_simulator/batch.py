"""Many landers stepped together: the simulator's core. Needs numpy and the compiled library, nothing else."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lander_simulator import library

OBSERVATION_SIZE = 8
ACTIONS = 4

_BODY = np.dtype(
    [
        ("x", "<f4"),
        ("y", "<f4"),
        ("angle", "<f4"),
        ("velocity_x", "<f4"),
        ("velocity_y", "<f4"),
        ("spin", "<f4"),
    ]
)
_JOINT = np.dtype(
    [("pin_x", "<f4"), ("pin_y", "<f4"), ("limit", "<f4"), ("motor", "<f4"), ("limit_side", "<f4")]
)
_CONTACT = np.dtype(
    [
        ("edge", "<i4"),
        ("touching", "<i4"),
        ("points", "<i4"),
        ("feature", "<i4", 2),
        ("normal_impulse", "<f4", 2),
        ("tangent_impulse", "<f4", 2),
    ]
)
_LEG = np.dtype([("contact_count", "<i4"), ("ground_contact", "<i4"), ("contacts", _CONTACT, 3)])
_RANDOM = np.dtype([("state", "<u8", 2), ("increment", "<u8", 2), ("has_uint32", "<u4"), ("uint32", "<u4")])

STATE = np.dtype(
    [
        ("bodies", _BODY, 3),
        ("joints", _JOINT, 2),
        ("sleep_time", "<f4", 3),
        ("warm_start", "<f4"),
        ("positions_solved", "<f4"),
        ("heights", "<f4", 11),
        ("legs", _LEG, 2),
        ("wind_index", "<i4"),
        ("turbulence_index", "<i4"),
        ("steps", "<i4"),
        ("over", "<i4"),
        ("hull_down", "<i4"),
        ("asleep", "<i4"),
        ("random", _RANDOM),
        ("shaping", "<f8"),
    ]
)
"""One lane's whole state, `lander::LaneRecord` of src/episode/lane.hpp.

Bodies are hull, `legs[0]` and `legs[1]` of Gymnasium's environment, by their centres of mass: m, rad, m/s,
rad/s. `heights` are the terrain's at x = 0, 2, ..., 20 m. A lane whose episode is `over` begins the next one
in its next step.
"""


class BatchStep(NamedTuple):
    """What a step gives: arrays over the lanes, new ones each time."""

    observations: NDArray[np.float32]
    """[lanes, 8], as `LunarLander-v3` observes."""
    rewards: NDArray[np.float64]
    """[lanes]"""
    terminated: NDArray[np.bool_]
    """[lanes]: crashed, left the screen, or came to rest."""
    truncated: NDArray[np.bool_]
    """[lanes]: the step limit was reached."""


class LunarLanderBatch:
    """`lanes` landers, each with an episode of its own, stepped together.

    A lane whose episode ended begins the next one in the step after: its action is ignored, its reward is 0,
    and the observation is the new episode's first. A lane's results depend on its seed and its actions alone,
    bit for bit: not on the other lanes, `threads`, `width`, the compiler or the processor.

    Args:
        lanes: how many, at least 1.
        continuous, gravity, enable_wind, wind_power, turbulence_power: as `LunarLander-v3` takes them.
        max_episode_steps: after how many steps an episode is truncated; None for never.
        threads: how many step the lanes, the caller's included. They sleep between steps.
        width: lanes side by side in one vector, 4 or 8; None for the most that the processor has.

    Raises:
        SimulatorUnavailable: the library is not compiled.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        lanes: int,
        *,
        continuous: bool = False,
        gravity: float = -10.0,
        enable_wind: bool = False,
        wind_power: float = 15.0,
        turbulence_power: float = 1.5,
        max_episode_steps: int | None = 1000,
        threads: int = 1,
        width: int | None = None,
    ) -> None:
        self._handle: int | None = None
        _check_ranges(lanes, gravity, (wind_power, turbulence_power), max_episode_steps, threads)
        self.lanes = lanes
        self.continuous = continuous
        self._library = library.load(width)
        self.width: int = self._library.lander_width()
        if self._library.lander_record_bytes() != STATE.itemsize:
            raise library.SimulatorUnavailable(
                f"the library's state is not the {STATE.itemsize} bytes that batch.py expects"
            )
        settings = library.Settings(
            wind_power=wind_power,
            turbulence_power=turbulence_power,
            gravity=gravity,
            continuous=int(continuous),
            enable_wind=int(enable_wind),
            most_steps=max_episode_steps or 0,
        )
        self._handle = self._library.lander_create(lanes, ctypes.byref(settings), threads)
        if self._handle is None:
            raise MemoryError(f"no memory or threads for {lanes} lanes")
        self._started = False
        self._make_buffers()

    def _make_buffers(self) -> None:
        """The arrays that the library reads and writes, and the structure that holds their addresses.

        What a step returns are copies, a few times cheaper than fresh addresses.
        """
        lanes = self.lanes
        self._actions = np.zeros((lanes, 2), np.float32) if self.continuous else np.zeros(lanes, np.int32)
        self._observations = np.zeros((lanes, OBSERVATION_SIZE), np.float32)
        self._rewards = np.zeros(lanes)
        self._terminated = np.zeros(lanes, np.bool_)
        self._truncated = np.zeros(lanes, np.bool_)
        address = self._actions.ctypes.data
        self._step = library.Step(
            discrete=None if self.continuous else address,
            continuous=address if self.continuous else None,
            active=None,
            observations=self._observations.ctypes.data,
            rewards=self._rewards.ctypes.data,
            terminated=self._terminated.ctypes.data,
            truncated=self._truncated.ctypes.data,
        )
        self._step_address = ctypes.byref(self._step)

    def reset(
        self, seeds: Sequence[int | None] | NDArray[Any] | None = None, lanes: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Begins an episode in every lane, or in those of the mask `lanes`; returns observations [lanes, 8].

        `seeds`: one for each lane, at least 0 and below 2**64, or None for a lane that goes on with its
        generator (the first time: one seeded by the operating system). A lane with seed s meets what
        `env.reset(seed=s)` meets. Rows of lanes outside the mask are 0.

        Raises:
            ValueError: not one seed a lane, a seed out of range, a mask of another shape, or lanes that never
                began.
        """
        values = list(seeds) if seeds is not None else [None] * self.lanes
        if len(values) != self.lanes:
            raise ValueError(f"expected {self.lanes} seeds, one for each lane, got {len(values)}")
        if not self._started:
            if lanes is not None and not np.all(lanes):
                raise ValueError("the first reset must begin all lanes")
            fresh = np.random.SeedSequence().generate_state(self.lanes, np.uint64)
            values = [int(own) if value is None else value for value, own in zip(values, fresh, strict=True)]
        seeded = np.array([value is not None for value in values], np.uint8)
        words = np.array([_checked_seed(value) for value in values], np.uint64)
        active = None
        if lanes is not None:
            active = np.ascontiguousarray(lanes, np.uint8)
            if active.shape != (self.lanes,):
                raise ValueError(f"the mask must have shape ({self.lanes},), got {active.shape}")
        self._clear()
        self._step.active = None if active is None else active.ctypes.data
        self._library.lander_reset(self._open(), words.ctypes.data, seeded.ctypes.data, self._step_address)
        self._step.active = None
        self._started = True
        return self._observations.copy()

    def seed(self, lanes: Sequence[int] | NDArray[Any], seeds: Sequence[int] | NDArray[Any]) -> None:
        """Seeds some lanes anew, without a reset: `lanes` and `seeds`, [K] whole numbers each.

        A lane whose episode has ended begins the one of its seed, as `reset` would, in its next step. A lane
        in the middle of an episode goes on, with other draws.

        Raises:
            ValueError: a lane that there is not, a seed out of range, or not one seed a lane.
        """
        where = np.asarray(lanes, np.int64 if len(lanes) == 0 else None)
        if where.shape != (len(seeds),) or where.dtype.kind not in "iu":
            raise ValueError(f"expected a seed for each lane, got {len(seeds)} for {where.shape}")
        if where.size and not (where.min() >= 0 and where.max() < self.lanes):
            raise ValueError(f"lanes are from 0 to {self.lanes - 1}")
        index = np.ascontiguousarray(where, np.int32)
        words = np.array([_checked_seed(seed) for seed in seeds], np.uint64)
        self._library.lander_seed(self._open(), len(index), index.ctypes.data, words.ctypes.data)

    def step(self, actions: ArrayLike) -> BatchStep:
        """Steps every lane by 1/50 s.

        `actions`: integers from 0 to 3 [lanes], or with `continuous` floats [lanes, 2], clipped to [-1, 1].

        Raises:
            ValueError: the actions' shape or values, or no reset() before.
        """
        if not self._started:
            raise ValueError("call reset() before step()")
        given = np.asarray(actions)
        if given.shape != self._actions.shape or not (self.continuous or given.dtype.kind in "iu"):
            expected = f"floats of shape ({self.lanes}, 2)" if self.continuous else f"{self.lanes} integers"
            raise ValueError(f"expected {expected} as actions, got {given.dtype} of shape {given.shape}")
        self._actions[...] = given
        wrong = self._library.lander_step(self._open(), self._step_address)
        if wrong >= 0:
            raise ValueError(f"action {given[wrong]} of lane {wrong} does not exist; expected 0, 1, 2 or 3")
        return BatchStep(
            self._observations.copy(), self._rewards.copy(), self._terminated.copy(), self._truncated.copy()
        )

    def state(self) -> NDArray[np.void]:
        """Every lane's state, [lanes] of `STATE`: all that the next steps depend on, beside the settings."""
        records = np.zeros(self.lanes, STATE)
        self._library.lander_save(self._open(), records.ctypes.data)
        return records

    def restore(self, state: NDArray[np.void]) -> None:
        """Goes back to what `state()` gave, of this batch or of another with the same settings; bit for bit.

        Raises:
            ValueError: another number of lanes, or another layout.
        """
        if state.dtype != STATE or state.shape != (self.lanes,):
            raise ValueError(
                f"expected the state of {self.lanes} lanes, got {state.dtype} of shape {state.shape}"
            )
        records = np.ascontiguousarray(state)
        self._library.lander_restore(self._open(), records.ctypes.data)
        self._started = True

    def close(self) -> None:
        """Frees memory and threads; a second call does nothing."""
        if self._handle is not None:
            self._library.lander_destroy(self._handle)
            self._handle = None

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()

    def _open(self) -> int:
        if self._handle is None:
            raise ValueError("the batch is closed")
        return self._handle

    def _clear(self) -> None:
        for array in (self._observations, self._rewards, self._terminated, self._truncated):
            array[...] = 0


def _check_ranges(
    lanes: int, gravity: float, winds: tuple[float, float], max_episode_steps: int | None, threads: int
) -> None:
    """Refuse arguments of a batch that are out of range; raises `ValueError`."""
    if not 1 <= lanes <= 1 << 20:
        raise ValueError(f"lanes must be from 1 to {1 << 20}, got {lanes}")
    if not -12.0 < gravity < 0.0:
        raise ValueError(f"gravity must lie between -12 and 0, got {gravity}")
    if not np.isfinite(winds).all():
        raise ValueError("wind_power and turbulence_power must be finite")
    if max_episode_steps is not None and not 1 <= max_episode_steps < 1 << 31:
        raise ValueError(f"max_episode_steps must be positive or None, got {max_episode_steps}")
    if not 1 <= threads <= 256:
        raise ValueError(f"threads must be from 1 to 256, got {threads}")


def _checked_seed(value: int | None) -> int:
    if value is None:
        return 0
    if not 0 <= int(value) < 1 << 64 or int(value) != value:
        raise ValueError(f"a seed must be a whole number, at least 0 and below 2**64, got {value}")
    return int(value)
