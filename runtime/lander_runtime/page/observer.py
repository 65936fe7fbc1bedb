"""Collects the data for the page's pictures during the evaluation, in constant memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.envs.known import knowledge_of
from lander_runtime.episodes.episode import Episode, Keep
from lander_runtime.spec import EnvSpec

TRACKS = 50
"""The number of trajectories that are drawn; more would hide each other."""


class PageObserver:
    """An observer for `evaluate`; pass `keep=observed.keep` too."""

    def __init__(self, spec: EnvSpec) -> None:
        # A wrapper changes what the components of an observation are.
        self._track = knowledge_of(spec.id).track if not spec.wrappers else None
        self.keep = Keep(actions=True, observations=self._track is not None)
        """Observations only if a picture needs them: those of other environments may be images."""
        self.tracks: list[tuple[str, NDArray[Any]]] = []
        """For each of the first episodes its outcome and its positions, `[T + 1, 2]` pixels."""
        self.best: Episode | None = None
        self.worst: Episode | None = None
        """With their trajectories; of several episodes with the same return, the first one."""

    def on_episode(self, episode: Episode) -> None:
        if self._track is not None and episode.trajectory is not None and len(self.tracks) < TRACKS:
            positions = self._track(episode.trajectory.observations).astype(np.float32)
            self.tracks.append((episode.outcome, positions))
        if self.best is None or episode.return_ > self.best.return_:
            self.best = episode
        if self.worst is None or episode.return_ < self.worst.return_:
            self.worst = episode
