"""Quicker stand-ins for what environments of Gymnasium and vizdoom call at every step.

LunarLander's step takes 31 us. Gymnasium takes 2.5 of them to see whether the action is one of four, and
NumPy 2.4 to draw two random numbers for the engines. The stand-ins give the same answers in a tenth of the
time; the environment's own code and its results stay as they are. Evaluation and training use them, and only
where the code of the environment and of all its wrappers is known: others could keep what was replaced.
"""

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

_KNOWN = ("gymnasium.", "vizdoom.", "lander_runtime.")
"""Packages whose environments and wrappers keep neither their generator nor a second reference to a space."""

_BLOCK = 64
"""Numbers drawn at a time. Larger blocks save little more, and push other data out of the cache."""


def check_quickly(env: gymnasium.Env[Any, Any]) -> None:
    """From now on `env` checks its discrete actions quickly."""
    inner: Any = env.unwrapped
    if _is_known(env) and type(inner.action_space) is Discrete and inner.action_space.dtype == np.int64:
        inner.action_space = QuickDiscrete.of(inner.action_space)


def buffer_draws(env: gymnasium.Env[Any, Any]) -> None:
    """`env` draws from a buffer until its next reset with a seed, which makes a new generator."""
    inner: Any = env.unwrapped
    if _is_known(env) and type(inner.np_random) is np.random.Generator:
        # Not by its setter, which would forget the seed (`np_random_seed`).
        inner._np_random = BufferedGenerator(inner.np_random)


def _is_known(env: gymnasium.Env[Any, Any]) -> bool:
    layer: Any = env
    while isinstance(layer, gymnasium.Wrapper) and type(layer).__module__.startswith(_KNOWN):
        layer = layer.env
    return type(layer).__module__.startswith(_KNOWN)


class QuickDiscrete(Discrete):
    """A `Discrete` space that knows a Python int in its range at once, and leaves all else to `Discrete`."""

    _first: int
    _stop: int

    @classmethod
    def of(cls, space: Discrete) -> "QuickDiscrete":
        """The same space."""
        quick = cls.__new__(cls)
        quick.__dict__.update(space.__dict__)
        quick._first, quick._stop = int(space.start), int(space.start) + int(space.n)
        return quick

    def contains(self, x: Any) -> bool:
        return (type(x) is int and self._first <= x < self._stop) or super().contains(x)


class BufferedGenerator:
    """Draws single uniform numbers in blocks: nearly all of NumPy's time is that of the call.

    It stands in for a `numpy.random.Generator`, of which it is no subclass. Every call returns what the
    generator itself would return. For any other call than a single uniform number, the generator first goes
    back to where the numbers that were given out have brought it. Only a method or `bit_generator` that was
    taken from this object, and is used later, gets numbers from further on.
    """

    __slots__ = ("_block", "_generator", "_high", "_low", "_state")

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._block: Iterator[float] = iter(())
        """What is left of the block; the numbers in it lie between `_low` and `_high`."""
        self._low: object = None
        self._high: object = None
        self._state: Any = None
        """State of the generator before the block."""

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """As `numpy.random.Generator.uniform`."""
        # By identity: an environment's limits are mostly constants, which are the same objects every time.
        # Only Python floats begin a block; they cannot change afterwards.
        if size is None and low is self._low and high is self._high:
            for number in self._block:
                return number
        self._go_back()
        if size is None and type(low) is float and type(high) is float:
            state = self._generator.bit_generator.state
            self._block = iter(self._generator.uniform(low, high, _BLOCK).tolist())
            self._low, self._high, self._state = low, high, state
            return next(self._block)
        return self._generator.uniform(low, high, size)

    def __getattr__(self, name: str) -> Any:
        self._go_back()
        return getattr(self._generator, name)

    def __reduce__(self) -> Any:
        """A copy is a plain generator."""
        self._go_back()
        return self._generator.__reduce__()

    def _go_back(self) -> None:
        """Bring the generator to where it would be, had it drawn only what was given out."""
        left = len(list(self._block))
        if left:
            self._generator.bit_generator.state = self._state
            self._generator.uniform(size=_BLOCK - left)
        self._low = self._high = None
