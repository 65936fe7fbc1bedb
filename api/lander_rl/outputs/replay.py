"""The replay file of an evaluation, written while its episodes run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lander_runtime.errors import LanderError

if TYPE_CHECKING:
    from lander_rl.inputs.opening import Opened
    from lander_runtime.episodes.episode import Episode
    from lander_runtime.replays import ReplayWriter


@contextmanager
def saved_replay(
    path: Path | None, opened: "Opened", *, first_seed: int, episodes: int, sampled: bool
) -> "Iterator[_Patient | None]":
    """An observer that writes `path`, or None without `path`.

    The file appears when the block ends without an error.
    """
    if path is None:
        yield None
        return
    from lander_runtime.replays import ReplayWriter, header_for

    header = header_for(
        opened.env,
        policy_sha256=None if opened.file is None else opened.file.sha256,
        assumptions=opened.assumptions,
        counts_actions=opened.file is not None and opened.file.counts_actions,
        deterministic=not sampled,
        first_seed=first_seed,
        episodes=episodes,
    )
    with ReplayWriter(path, header) as writer:
        patient = _Patient(writer)
        yield patient
        if patient.error is not None:
            raise patient.error


class _Patient:
    """Keeps the first error of the replay for the end: a full disk must not cost the score."""

    def __init__(self, writer: "ReplayWriter") -> None:
        self._writer = writer
        self.keep = writer.keep
        self.error: Exception | None = None

    def on_episode(self, episode: "Episode") -> None:
        if self.error is not None:
            return
        try:
            self._writer.on_episode(episode)
        except (OSError, LanderError) as error:
            self.error = error
