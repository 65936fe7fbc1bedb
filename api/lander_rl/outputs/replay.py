"""The replay file of an evaluation, written while its episodes run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lander_rl.inputs.opening import Opened
    from lander_runtime.replays import ReplayWriter


@contextmanager
def saved_replay(
    path: Path | None, opened: "Opened", *, first_seed: int, episodes: int, sampled: bool
) -> "Iterator[ReplayWriter | None]":
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
        yield writer
