"""Reads a replay file one episode at a time; a hostile file cannot make it use much memory."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.files import open_regular
from lander_runtime.json_data.fields import Fields
from lander_runtime.replays.header import Header
from lander_runtime.replays.recorded import Recorded

MAX_LINE_BYTES = 8 * 1024 * 1024
"""A longer line is refused: a few bytes of gzip can expand to gigabytes. Enough for 300,000 steps."""


class ReplayFile:
    """A replay file; iterating over it gives its episodes, as often as needed.

    Raises:
        InputRefused: on opening or reading: the file is missing, not gzip, cut off or damaged, or a line
            does not follow docs/replay-file.md; names the line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _Lines(path) as lines:
            self.header: Header = Header.from_json(lines.next())

    def __iter__(self) -> Iterator[Recorded]:
        with _Lines(self.path) as lines:
            lines.next()
            for index in range(self.header.episodes):
                fields = lines.next()
                episode = Recorded.from_json(fields, index, self.header.action)
                expected = self.header.first_seed + index
                if episode.seed != expected:
                    raise fields.wrong("seed", f"{expected}, the next one", episode.seed)
                yield episode
            lines.expect_end()


class _Lines:
    """The lines of a gzip file, none longer than `MAX_LINE_BYTES`, each as a JSON object."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._number = 0
        self._raw = open_regular(path)
        self._file = gzip.GzipFile(fileobj=self._raw)

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._raw.close()

    def next(self) -> Fields:
        line = self._read()
        if not line and self._number == 1:
            raise InputRefused(f"{self._name} is empty.")
        if not line:
            raise InputRefused(
                f"{self._where}: the file ends here, before the last of the episodes that its header names."
            )
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputRefused(f"{self._where}: not UTF-8 ({error.reason} at byte {error.start}).") from error
        return Fields.parse(text, self._where)

    def expect_end(self) -> None:
        if self._read():
            raise InputRefused(f"{self._where}: more episodes than the header names.")

    def _read(self) -> bytes:
        self._number += 1
        try:
            line = self._file.readline(MAX_LINE_BYTES + 1)
        except gzip.BadGzipFile as error:
            raise InputRefused(
                f"{self._where}: not a replay, or damaged ({error}). "
                "Make one with: lander eval --save-replay eval.jsonl.gz"
            ) from error
        except (EOFError, zlib.error) as error:
            raise InputRefused(f"{self._where}: the file is cut off or damaged ({error}).") from error
        if len(line) > MAX_LINE_BYTES:
            raise InputRefused(
                f"{self._where}: longer than {MAX_LINE_BYTES:,} bytes, which no episode needs."
            )
        return line

    @property
    def _where(self) -> str:
        return f"{self._name}, line {self._number}"
