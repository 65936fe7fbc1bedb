"""The report page: checks of its folder, what it needs of every step, and writing it."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.outputs.checks import check_all_writable

_LOCK = ".index.html.lock"

if TYPE_CHECKING:
    from lander_rl.inputs.opening import Opened
    from lander_runtime.page import PageObserver
    from lander_runtime.scores.report import Report
    from lander_runtime.spec import EnvSpec


def check_page(folder: Path | None, say: Callable[[str], None]) -> None:
    """Refuse a folder that the page cannot be written to, before any episode runs.

    `say` prints a line for the user.

    Raises:
        UsageError: with the reason.
    """
    if folder is not None:
        from lander_runtime.page import DATA, PAGE

        check_all_writable(*(folder / name for name in (PAGE, DATA)), say=say)


@contextmanager
def page_lock(folder: Path | None) -> Iterator[None]:
    """Keep other evaluations from writing the same page while inside; None for no page.

    Raises:
        InputRefused: another process writes it.
        UsageError: the folder cannot be written.
    """
    if folder is None:
        yield
        return
    from lander_runtime.locks import locked

    missing = not folder.exists()
    try:
        with locked(folder / _LOCK, folder, "Wait until it has ended, or name another folder with --report."):
            yield
    finally:
        if missing:
            # An evaluation that fails leaves none; one that holds something stays.
            with suppress(OSError):
                folder.rmdir()


def page_observer_for(folder: Path | None, env: "EnvSpec") -> "PageObserver | None":
    """The observer that collects what the page draws; None without a folder."""
    if folder is None:
        return None
    # Only then: the page needs Pillow.
    from lander_runtime.page import PageObserver

    return PageObserver(env)


def write_page_of(
    folder: Path, opened: "Opened", report: "Report", observed: "PageObserver", options: list[str]
) -> Path:
    """Write the page with the command that reproduces it; `options` name the environment."""
    from lander_runtime.page import write_page

    command = _code(folder, opened, report) if opened.file is None else _command(folder, report, options)
    return write_page(folder, opened.policy, report, observed, command)


def _command(folder: Path, report: "Report", options: list[str]) -> str:
    summary, path = report.summary, str(report.policy_path)
    words = ["lander", "eval", f"./{path}" if path.startswith("-") else path]
    words += [*options, "--episodes", str(summary.episodes), "--seed", str(summary.first_seed)]
    words += [] if summary.deterministic else ["--sampled"]
    return shlex.join([*words, f"--report={folder}"])


def _code(folder: Path, opened: "Opened", report: "Report") -> str:
    """A call in Python instead of a command: a command line cannot name a function."""
    summary = report.summary
    return (
        f"lander_rl.evaluate({opened.name}, {report.env.id!r}, episodes={summary.episodes}, "
        f"seed={summary.first_seed}, page={str(folder)!r})"
    )
