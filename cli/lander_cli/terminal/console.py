"""Where output goes: results on stdout, talk on stderr. Colours and bars only on a terminal.

rich honours NO_COLOR and notices by itself whether a stream is a terminal.
"""

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from lander_runtime.text import printable

_NOBODY_LISTENS = 141
"""128 plus the number of SIGPIPE, as shells have it. Not rich's and typer's 1, which says of a command here
that a check failed: `lander eval --fail-under 200 | head -3` may have passed it."""


class _Console(Console):
    """A console that ends the program where whoever reads it has gone."""

    def on_broken_pipe(self) -> NoReturn:
        _end_unheard()


def out() -> Console:
    """stdout, for results."""
    return _Console(highlight=False, soft_wrap=True, emoji=False)


def err() -> Console:
    """stderr, for everything else."""
    return _Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def say(text: str) -> None:
    """One line of talk."""
    err().print(printable(text), markup=False)


def complain(text: str) -> None:
    """An error, in one or two sentences."""
    err().print(f"[bold red]lander:[/] {escape(printable(text))}")


def print_json(data: dict[str, Any]) -> None:
    """The one object that `--json` promises."""
    try:
        print(json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2), flush=True)
    except BrokenPipeError:
        _end_unheard()


def forget_unwritten() -> None:
    """Drop what could not be written: Python would try once more as it ends, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _lead_nowhere(stream)


def _end_unheard() -> NoReturn:
    _lead_nowhere(sys.stdout, sys.stderr)
    raise SystemExit(_NOBODY_LISTENS)


def _lead_nowhere(*streams: TextIO) -> None:
    """What is still in their buffers goes nowhere, instead of raising once more when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())


def print_next(*words: object) -> None:
    """What to type next, ready to paste."""
    # A path that starts with a dash would be read as an option.
    texts = [
        f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word) for word in words
    ]
    command = " ".join(map(_quoted, texts))
    err().print(f"\nNext: [bold cyan]{escape(command)}[/]")


def _quoted(word: str) -> str:
    """For a shell; what would command the terminal is spelt out, as bash and zsh read it."""
    if word.isprintable():
        return shlex.quote(word)
    spelt = (
        c if c.isprintable() and c not in "'\\" else "".join(f"\\x{byte:02x}" for byte in os.fsencode(c))
        for c in word
    )
    return f"$'{''.join(spelt)}'"


def pairs(rows: Sequence[tuple[str, str]]) -> Text:
    """Names and values, a line each, the values aligned."""
    width = max(len(name) for name, _ in rows)
    lines = [Text.assemble((f"{name:<{width}}  ", "dim"), printable(value)) for name, value in rows]
    return Text("\n").join(lines)


class EpisodeBar:
    """Counts finished episodes on a bar; an observer for `lander_runtime.evaluation.evaluate`."""

    def __init__(self, progress: Progress, episodes: int) -> None:
        self._progress = progress
        self._task = progress.add_task("episodes", total=episodes)
        self._ahead = 0

    def on_episode(self, episode: object) -> None:
        if self._ahead:
            self._ahead -= 1
        else:
            self._progress.advance(self._task)

    def on_finished(self, episodes: int) -> None:
        """That many are finished, elsewhere; they are heard of one by one when it is their turn."""
        self._ahead += episodes
        self._progress.advance(self._task, episodes)

    def describe(self, stage: str) -> None:
        """What is being done, in a word, in front of the bar."""
        self._progress.update(self._task, description=stage)


@contextmanager
def episode_bar(episodes: int) -> Iterator[EpisodeBar]:
    """A bar on stderr that is there while episodes run; nothing where stderr is no terminal."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield EpisodeBar(progress, episodes)
