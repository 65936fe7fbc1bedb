"""Level replay: some episodes begin again from seeds where the policy failed.

After [J21] Jiang, Grefenstette, Rocktaeschel 2021, "Prioritized Level Replay", arXiv:2010.03934, where a
level is what a seed makes of an environment. Once a policy is good, one episode in a thousand teaches it how
to avoid its last failures. They are not chance alone: at a seed where it failed it fails again far more often
than at others (docs/training.md).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.seeds import FIRST_SELECTION_SEED
from lander_trainer.backends.stored import stored_array

LEVELS = 512
"""Seeds that are kept."""

_MEMORY = 0.9
"""What a level's failure rate keeps of its last value at each of its episodes."""

_FRESH = -1


class LevelReplay:
    """Gives every episode of N lanes its seed: a new one, or one of those kept.

    A new seed whose episode's return stays below the threshold takes the place of the level that fails least.
    A level is drawn in proportion to how often it failed lately.

    Args:
        lanes: N.
        seed: of the draws.
        share: of the episodes that begin from a kept seed, in (0, 1).
        threshold: returns below it are failures.
    """

    def __init__(self, lanes: int, seed: int, share: float, threshold: float) -> None:
        self._share = share
        self._threshold = threshold
        # Of NumPy's generators the one whose state is a plain array.
        self._bits = np.random.SFC64(np.random.SeedSequence([seed, LEVELS]))
        self._draw = np.random.Generator(self._bits).random
        self._seeds = np.zeros(LEVELS, np.int64)
        self._failing = np.zeros(LEVELS)
        self._running = np.zeros(lanes, np.int64)
        self._places = np.full(lanes, _FRESH)
        self._returns = np.zeros(lanes)

    def begin(self, seeds: Sequence[int]) -> None:
        """Every lane begins an episode with its own of `seeds` `[N]`."""
        self._running[:] = seeds
        self._places[:] = _FRESH
        self._returns[:] = 0

    def after(
        self, rewards: NDArray[np.float64], ended: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What a step of all lanes gave: `rewards` `[N]` and whether the episodes have `ended` `[N]`.

        Returns:
            The K lanes whose episodes have ended, and the seeds of their next ones, `[K]` each.
        """
        self._returns += rewards
        lanes = np.flatnonzero(ended)
        for lane in lanes.tolist():
            self._end(lane)
            self._start(lane)
        return lanes, self._running[lanes]

    def state(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs, as arrays whose names begin with `level_`."""
        arrays = {name: array.copy() for name, array in self._arrays().items()}
        return {**arrays, "level_draws": np.array(self._bits.state["state"]["state"], np.uint64)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from what `state()` gave.

        Raises:
            InputRefused: an array is missing or of another shape, or holds a number that is out of range.
        """
        for name, array in self._arrays().items():
            array[...] = stored_array(state, name, array.dtype, array.shape)
        if self._places.min() < _FRESH or self._places.max() >= LEVELS:
            raise InputRefused("The state of the environments (level_places) is out of range.")
        if min(self._seeds.min(), self._running.min()) < 0:
            raise InputRefused("The state of the environments (level_seeds, level_running) is out of range.")
        if not (np.isfinite(self._returns).all() and ((self._failing >= 0) & (self._failing <= 1)).all()):
            raise InputRefused("The state of the environments (level_failing) is out of range.")
        now = self._bits.state
        now["state"]["state"] = stored_array(state, "level_draws", np.uint64, (4,))
        self._bits.state = now

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "level_seeds": self._seeds,
            "level_failing": self._failing,
            "level_running": self._running,
            "level_places": self._places,
            "level_returns": self._returns,
        }

    def _end(self, lane: int) -> None:
        seed, place = self._running[lane], self._places[lane]
        failed = bool(self._returns[lane] < self._threshold)
        if place == _FRESH:
            if failed:
                place = self._failing.argmin()
                self._seeds[place] = seed
                self._failing[place] = 1.0
        elif self._seeds[place] == seed:  # no other seed has taken its place meanwhile
            self._failing[place] = _MEMORY * self._failing[place] + (1 - _MEMORY) * failed

    def _start(self, lane: int) -> None:
        self._returns[lane] = 0
        chances = self._failing.cumsum()
        if chances[-1] > 0 and self._draw() < self._share:
            place = min(int(chances.searchsorted(self._draw() * chances[-1], "right")), LEVELS - 1)
            self._running[lane], self._places[lane] = self._seeds[place], place
        else:
            self._running[lane], self._places[lane] = int(self._draw() * FIRST_SELECTION_SEED), _FRESH
