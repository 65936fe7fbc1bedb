"""Runs episodes in several lanes at once: the loop of every evaluation and selection.

It needs neither a policy file nor ONNX Runtime, because training uses it too, to select the best weights.
"""

from collections.abc import Callable, Iterable, Sequence
from math import isnan
from types import TracebackType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.episode import NOTHING, Episode, Keep
from lander_runtime.episodes.history import ObservationHistory
from lander_runtime.episodes.lane import Lane
from lander_runtime.spec import EnvSpec

LANES = 32
"""Environment copies stepped together by default, and the fixed batch size of inference."""

Actor = Callable[[NDArray[Any], Sequence[np.random.Generator]], NDArray[Any]]
"""(observations `[batch, *obs_shape]`, one generator for each row) -> actions `[batch, ...]`.

Each generator belongs to one episode; a greedy actor ignores them."""


def run_episodes(
    actor: Actor,
    spec: EnvSpec,
    seeds: Sequence[int],
    *,
    lanes: int = LANES,
    render_mode: str | None = None,
    keep: Keep = NOTHING,
) -> list[Episode]:
    """Run one episode for each seed, `lanes` at a time; returns them in the order of `seeds`.

    Args:
        actor: what chooses the actions.
        spec: the environment.
        seeds: one for each episode.
        lanes: environment copies stepped together.
        render_mode: as for `envs.make`.
        keep: which data of each step to keep.

    Raises:
        UsageError: `keep` asks for observations that are too large; otherwise as `envs.make`.
    """
    with Fleet(actor, spec, lanes=min(lanes, len(seeds)), render_mode=render_mode, keep=keep) as fleet:
        return fleet.run(seeds)


class Fleet:
    """Several lanes and their actor, open for one batch of episodes after another."""

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
            UsageError: `keep` asks for observations that are too large; otherwise as `envs.make`.
        """
        self._actor = actor
        self._lanes: list[Lane] = []
        self._finished: list[Episode] = []
        self._first_index = 0
        try:
            for _ in range(lanes):
                self._lanes.append(Lane(spec, render_mode, keep))
        except BaseException:
            self.close()
            raise

    def run(self, seeds: Sequence[int], first_index: int = 0) -> list[Episode]:
        """Run one episode for each seed, numbered from `first_index`; returns them in this order.

        Raises:
            EnvironmentFailed: the environment's own code raised, or it returned what it does not promise.
        """
        pending = iter(enumerate(seeds, start=first_index))
        finished: list[Episode] = []
        self._finished, self._first_index = finished, first_index
        history = self._shared_history()
        active = [lane for lane in self._lanes if lane.start(next(pending, None))]
        generators = _Generators(active)
        while active:
            # numpy.stack takes three times as long for a few dozen small arrays.
            obs = np.array([lane.obs for lane in active])
            # The minimum is a NaN where any number is one; isnan(obs).any() takes twice as long.
            if obs.dtype.kind == "f" and isnan(np.minimum.reduce(obs, axis=None, initial=0.0)):
                for lane in active:
                    lane.check_numbers()
            actions = self._actor(obs, generators)
            if history is not None:
                full = len(active) == len(self._lanes)
                history.add(slice(None) if full else [lane.column for lane in active], obs)
            ended = False
            for lane, action in zip(active, _one_by_one(actions), strict=True):
                episode = lane.advance(action)
                if episode is not None:
                    finished.append(episode)
                    ended = True
            if ended:
                active = [lane for lane in active if lane.busy or lane.start(next(pending, None))]
                generators = _Generators(active)
        return sorted(finished, key=lambda episode: episode.index)

    def _shared_history(self) -> ObservationHistory | None:
        """A new history that all lanes share; None where no observations are kept."""
        if not any(lane.keeps_observations for lane in self._lanes):
            return None
        history = self._lanes[0].new_history(len(self._lanes))
        for column, lane in enumerate(self._lanes):
            lane.share(history, column)
        return history

    def finished(self) -> list[Episode]:
        """Where `run` was interrupted: the episodes that had ended, up to the first that had not.

        Others may have ended too, but mostly the short ones, and a score of these would be biased.
        """
        ended = sorted(self._finished, key=lambda episode: episode.index)
        return [episode for place, episode in enumerate(ended, self._first_index) if episode.index == place]

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Generators(Sequence[np.random.Generator]):
    """Those of the episodes that run, each made when an actor draws from it."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes

    def __len__(self) -> int:
        return len(self._lanes)

    @overload
    def __getitem__(self, place: int) -> np.random.Generator: ...

    @overload
    def __getitem__(self, place: slice) -> list[np.random.Generator]: ...

    def __getitem__(self, place: int | slice) -> np.random.Generator | list[np.random.Generator]:
        if isinstance(place, slice):
            return [lane.generator for lane in self._lanes[place]]
        return self._lanes[place].generator


def _one_by_one(actions: NDArray[Any]) -> Iterable[Any]:
    """Discrete actions as Python ints, converted all at once: one at a time would dominate this loop."""
    return actions.tolist() if actions.ndim == 1 and actions.dtype.kind == "i" else actions
