"""Quicker stand-ins for two things that Gymnasium's own environments call at every step.

LunarLander's step takes 31 us. NumPy takes 2.4 of them to draw two numbers for the engines, and Gymnasium 2.5
to see whether the action is one of four. The stand-ins give the same answers in a tenth of the time; the
environment's own code and its results stay as they are. Evaluation and training use them, for classes of
Gymnasium and of vizdoom only, whose code is known: another one could keep what it was given, or hand it on.
"""

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

_BLOCK = 64
"""Numbers drawn at a time. Larger blocks save little more, and push other data out of the cache."""


def check_quickly(env: gymnasium.Env[Any, Any]) -> None:
    """From now on `env` checks its discrete actions quickly."""
    inner: Any = env.unwrapped
    if _is_known(inner) and type(inner.action_space) is Discrete:
        inner.action_space = QuickDiscrete.of(inner.action_space)


def draw_ahead(env: gymnasium.Env[Any, Any]) -> None:
    """`env` draws ahead until its next reset with a seed, which makes a new generator."""
    inner: Any = env.unwrapped
    if _is_known(inner):
        inner.np_random = DrawnAhead(inner.np_random)


def _is_known(inner: object) -> bool:
    return type(inner).__module__.startswith(("gymnasium.envs.", "vizdoom."))


class QuickDiscrete(Discrete):
    """A `Discrete` space that compares a Python int with its two ends, and asks NumPy for all else."""

    @classmethod
    def of(cls, space: Discrete) -> "QuickDiscrete":
        """The same space, with the same generator."""
        quick = cls.__new__(cls)
        quick.__dict__.update(space.__dict__)
        quick._first, quick._stop = int(space.start), int(space.start + space.n)
        return quick

    def contains(self, x: Any) -> bool:
        return self._first <= x < self._stop if type(x) is int else super().contains(x)


class DrawnAhead:
    """A generator that draws single uniform numbers in blocks: NumPy's time is mostly that of the call.

    It stands in for a `numpy.random.Generator`: every call returns what the generator itself would return.
    For any other call than a single uniform number, the generator first goes back to where the numbers that
    were given out have brought it. Only a method that was taken from this object and is called later would
    find it too far on.
    """

    __slots__ = ("_ahead", "_generator", "_high", "_low", "_state")

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._ahead: Iterator[float] = iter(())
        """What is left of the block; the numbers in it lie between `_low` and `_high`."""
        self._low: object = None
        self._high: object = None
        self._state: Any = None
        """The generator's before it drew the block."""

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """As `numpy.random.Generator.uniform`."""
        # By identity: an environment's limits are mostly constants, which are the same objects every time.
        # Floats never change, and others start no block.
        if size is None and low is self._low and high is self._high:
            for number in self._ahead:
                return number
        self._go_back()
        if size is None and type(low) is float and type(high) is float:
            self._state = self._generator.bit_generator.state
            self._ahead = iter(self._generator.uniform(low, high, _BLOCK).tolist())
            self._low, self._high = low, high
            return next(self._ahead)
        return self._generator.uniform(low, high, size)

    def __getattr__(self, name: str) -> Any:
        self._go_back()
        return getattr(self._generator, name)

    def _go_back(self) -> None:
        """Bring the generator to where it would be, had it drawn only what was given out."""
        left = len(list(self._ahead))
        if left:
            self._generator.bit_generator.state = self._state
            self._generator.uniform(size=_BLOCK - left)
        self._low = self._high = None
