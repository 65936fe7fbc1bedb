"""Writes a replay file during an evaluation: an observer that needs constant memory."""

import contextlib
import gzip
import json
from pathlib import Path
from types import TracebackType

from lander_runtime.episodes.episode import Episode, Keep
from lander_runtime.errors import UsageError
from lander_runtime.files import atomic_write
from lander_runtime.replays.header import Header
from lander_runtime.replays.reader import MAX_LINE_BYTES
from lander_runtime.replays.recorded import Recorded


class ReplayWriter:
    """An observer that writes the episodes of one evaluation to a file; use it in a `with`.

        header = header_for(policy.info.env, policy_sha256=policy.sha256, ...)
        with ReplayWriter(Path("eval.jsonl.gz"), header) as replay:
            evaluate(policy, keep=ReplayWriter.keep, observer=replay, ...)

    The same episodes give the same bytes, whatever the number of workers. The file appears at `path` when
    the block ends without an error and after all episodes; otherwise nothing is left behind.
    """

    keep = Keep(actions=True)
    """Pass this to `evaluate`: the data that a replay needs."""

    def __init__(self, path: Path, header: Header) -> None:
        """Prepare the file; nothing is written before the `with` block begins."""
        self._path = path
        self._header = header
        self._written = 0
        self._file: gzip.GzipFile | None = None
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> "ReplayWriter":
        with self._resources as stack:
            temporary = stack.enter_context(atomic_write(self._path))
            raw = stack.enter_context(temporary.open("wb"))
            # No name and no time in the gzip header, so that the same episodes always give the same bytes.
            self._file = stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
            text = json.dumps(self._header.to_json(), separators=(",", ":"), ensure_ascii=False)
            self._file.write(text.encode() + b"\n")
            self._resources = stack.pop_all()
        return self

    def on_episode(self, episode: Episode) -> None:
        """Append the episode.

        Raises:
            UsageError: it is not the next episode, or cannot be replayed (see `Recorded.of`).
            RuntimeError: called outside the `with` block.
        """
        if self._file is None or self._file.closed:
            raise RuntimeError("expected on_episode() inside `with ReplayWriter(...)`, found it outside")
        expected = self._header.first_seed + self._written
        if episode.seed != expected or self._written == self._header.episodes:
            raise UsageError(
                f"The header names {self._header.episodes} episodes from seed {self._header.first_seed}; "
                f"after {self._written} of them came one of seed {episode.seed}."
            )
        line = Recorded.of(episode, self._header.action).to_line()
        if len(line) > MAX_LINE_BYTES:
            raise UsageError(
                f"The episode of seed {episode.seed} takes {len(line):,} bytes; replays hold up to "
                f"{MAX_LINE_BYTES:,} an episode. Leave out --save-replay."
            )
        self._file.write(line)
        self._written += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file and move it to its place, or discard it after an error."""
        if kind is not None:
            self._resources.__exit__(kind, error, trace)
            return
        with self._resources:
            if self._written != self._header.episodes:
                raise UsageError(
                    f"The header names {self._header.episodes} episodes and {self._written} were run; "
                    f"{self._path} was not written."
                )
