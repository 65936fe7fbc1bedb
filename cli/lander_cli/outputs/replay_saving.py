"""`lander eval --save-replay`: a replay file that is written while the episodes come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_runtime.policy.base import PolicyFile
    from lander_runtime.replays import ReplayWriter
    from lander_runtime.spec import EnvSpec


def check_replay_file(path: Path | None) -> None:
    """Refuse before anything is flown what could not be written after it."""
    from lander_runtime.files import check_writable

    if path is None:
        return
    if not path.name.lower().endswith(".jsonl.gz"):
        raise UsageError(f"--save-replay {path} should be a file whose name ends in .jsonl.gz.")
    check_writable(path)


@contextmanager
def saving(
    path: Path | None,
    policy: "PolicyFile",
    env: "EnvSpec",
    first_seed: int,
    episodes: int,
    sampled: bool,
) -> "Iterator[ReplayWriter | None]":
    """An observer that writes `path`, if there is one; the file appears when the block ends well."""
    if path is None:
        yield None
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
        yield writer
