"""`lander eval --report`: the page with the pictures, from the folder that was asked for to its path."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lander_runtime.page import PageObserver
    from lander_runtime.policy.base import PolicyFile
    from lander_runtime.scores.report import Report
    from lander_runtime.spec import EnvSpec


def page_observer_for(folder: Path | None, env: "EnvSpec") -> "PageObserver | None":
    """What the pictures will be made from; None where no page was asked for."""
    if folder is None:
        return None
    # Only then: the page needs Pillow.
    from lander_runtime.page import PageObserver

    return PageObserver(env)


def check_page(folder: Path | None) -> None:
    """Refuse a folder that the page could not be written to after all episodes were flown."""
    from lander_runtime.files import check_writable

    if folder is not None:
        from lander_runtime.page import DATA, PAGE

        for name in (PAGE, DATA):
            check_writable(folder / name)


def write_page_of(
    folder: Path, policy: "PolicyFile", report: "Report", observed: "PageObserver", options: Sequence[str]
) -> Path:
    """Write the page, with the command that makes it again; `options` named the environment."""
    from lander_runtime.page import write_page

    return write_page(folder, policy, report, observed, _command(folder, report, options))


def _command(folder: Path, report: "Report", options: Sequence[str]) -> str:
    summary, path = report.summary, str(report.policy_path)
    words = ["lander", "eval", f"./{path}" if path.startswith("-") else path]
    words += [*options, "--episodes", str(summary.episodes), "--seed", str(summary.first_seed)]
    words += [] if summary.deterministic else ["--sampled"]
    return shlex.join([*words, f"--report={folder}"])
