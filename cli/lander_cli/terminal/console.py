"""Output: results on stdout, everything else on stderr. Colours and bars only on a terminal.

rich honours NO_COLOR and notices by itself whether a stream is a terminal.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.file_proxy import FileProxy
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lander_cli.terminal.cell import in_cell
from lander_cli.terminal.results import results
from lander_rl.showing import pairs
from lander_runtime.text import json_text, printable, shortened

_SIGPIPE = 13
"""Windows has no such signal. The exit code is 128 more, as in shells. Not 1 as in rich and typer: 1 means
that a check failed, and `lander eval --fail-under 200 | head -3` may have passed it."""


_PIPED = 200
"""Columns of what is no terminal."""

_ON_READER_GONE: ContextVar[Callable[[int], None] | None] = ContextVar("on_reader_gone", default=None)


@contextmanager
def stopping_without_reader(stop: Callable[[int], None]) -> Iterator[None]:
    """Inside, `stop` is called with the number of SIGPIPE when the reader of a pipe has gone.

    Elsewhere that ends the program; here there is work to be saved.
    """
    token = _ON_READER_GONE.set(stop)
    try:
        yield
    finally:
        _ON_READER_GONE.reset(token)


class _Console(Console):
    """A console that ends the program when the reader of a pipe has gone, or asks for a stop."""

    def on_broken_pipe(self) -> None:
        _go_on_without_reader()


def out() -> Console:
    """stdout, for results. In a file or a pipe no table is folded at the 80 columns that rich assumes."""
    piped = not (results().isatty() or in_cell() or "COLUMNS" in os.environ)
    return _Console(
        file=results(),
        width=_PIPED if piped else None,
        force_terminal=_terminal(),
        highlight=False,
        soft_wrap=True,
        emoji=False,
    )


def err() -> Console:
    """stderr, for everything else."""
    return _Console(stderr=True, force_terminal=_terminal(), highlight=False, soft_wrap=True, emoji=False)


def _terminal() -> bool | None:
    """Whether rich may draw bars and colours; None leaves the question to it."""
    return False if in_cell() else None


def say(text: str) -> None:
    """One line on stderr; above a bar, if there is one."""
    if isinstance(sys.stderr, FileProxy):
        # A bar is drawn, and this is its stream. A console of our own would write into the bar's lines.
        print(printable(text), file=sys.stderr)
        return
    err().print(printable(text), markup=False)


def complain(text: str) -> None:
    """An error on stderr, in one or two sentences."""
    err().print(f"[bold red]lander:[/] {escape(printable(text))}")


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Names and values on stdout, a line each."""
    out().print(pairs(rows))


class Result(Protocol):
    """What most functions of `lander_rl` return."""

    def rows(self) -> list[tuple[str, str]]:
        """Names and values, for people."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The object of `--json`."""
        ...


def print_result(result: Result, *, as_json: bool) -> None:
    """A result on stdout."""
    if as_json:
        print_json(result.to_json())
    else:
        print_rows(result.rows())


def print_json(data: dict[str, Any]) -> None:
    """The one object that `--json` promises."""
    try:
        print(json_text(data, indent=2), file=results(), flush=True)
    except BrokenPipeError:
        _go_on_without_reader()


def forget_unwritten() -> None:
    """Discard output that could not be written: Python would try once more at its end, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _redirect_to_null(stream)


def _go_on_without_reader() -> None:
    _redirect_to_null(results(), sys.stderr)
    stop = _ON_READER_GONE.get()
    if stop is None:
        raise SystemExit(128 + _SIGPIPE)
    stop(_SIGPIPE)


def _redirect_to_null(*streams: TextIO) -> None:
    """Discard what is in their buffers, which would raise once more when Python ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(null, stream.fileno())


def print_next(*words: object) -> None:
    """Print the next command, ready to paste."""
    # A path that starts with a dash would be read as an option.
    texts = [
        f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word) for word in words
    ]
    command = " ".join(map(_quoted, texts))
    err().print(f"\nNext: [bold cyan]{escape(command)}[/]")


def _quoted(word: str) -> str:
    """Quoted for a shell; control characters are written as escapes, which bash and zsh read."""
    if word.isprintable():
        return shlex.quote(word)
    spelt = (
        c if c.isprintable() and c not in "'\\" else "".join(f"\\x{byte:02x}" for byte in os.fsencode(c))
        for c in word
    )
    return f"$'{''.join(spelt)}'"


@contextmanager
def spinner(text: str) -> Iterator[Callable[[], None]]:
    """A spinner on stderr while something loads, on a terminal only; yields the function that ends it."""
    console = err()
    if not console.is_terminal:
        yield lambda: None
        return
    status = console.status(escape(text))
    status.start()
    try:
        yield status.stop
    finally:
        status.stop()


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
        """`episodes` more have ended on a cluster; `on_episode` still follows for each in its turn."""
        self._ahead += episodes
        self._progress.advance(self._task, episodes)

    def describe(self, stage: str) -> None:
        """Put a word for the current work in front of the bar."""
        self._progress.update(self._task, description=shortened(stage, 60))


@contextmanager
def episode_bar(episodes: int) -> Iterator[EpisodeBar]:
    """A bar on stderr while episodes run; none if stderr is no terminal."""
    console = err()
    # Without markup: a description may be a file's name.
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield EpisodeBar(progress, episodes)
