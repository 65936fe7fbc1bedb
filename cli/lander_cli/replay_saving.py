"""`lander eval --save-replay`: a replay file that is written while the episodes come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_runtime.episodes import Episode, EpisodeObserver, Keep
    from lander_runtime.policy_file import PolicyFile
    from lander_runtime.spec import EnvSpec


def check_replay_file(path: Path | None) -> None:
    """Refuse before anything is flown what could not be written after it."""
    from lander_runtime.files import check_writable

    if path is None:
        return
    if not path.name.lower().endswith(".jsonl.gz"):
        raise UsageError(f"--save-replay {path} should be a file whose name ends in .jsonl.gz.")
    check_writable(path)


@dataclass(frozen=True)
class Saving:
    """An observer that hands every episode on to others, and what they need to be given."""

    observers: "tuple[EpisodeObserver, ...]"
    keep: "Keep"

    def on_episode(self, episode: "Episode") -> None:
        for observer in self.observers:
            observer.on_episode(episode)


@contextmanager
def saving(
    path: Path | None,
    policy: "PolicyFile",
    env: "EnvSpec",
    first_seed: int,
    episodes: int,
    sampled: bool,
    observer: "EpisodeObserver",
) -> Iterator[Saving]:
    """`observer`, and beside it a file at `path` if there is one; it appears when the block ends well."""
    from lander_runtime.episodes import NOTHING

    if path is None:
        yield Saving((observer,), NOTHING)
        return
    from lander_runtime.replays import ReplayWriter, header_for

    header = header_for(
        env,
        policy_sha256=policy.sha256,
        assumptions=policy.assumptions,
        deterministic=not sampled,
        first_seed=first_seed,
        episodes=episodes,
    )
    with ReplayWriter(path, header) as writer:
        yield Saving((writer, observer), ReplayWriter.keep)
