"""The result of a replay as text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lander_cli.terminal.console import out, print_rows
from lander_runtime.text import shortened

if TYPE_CHECKING:
    from lander_rl.results.replay import ReplayResult
    from lander_runtime.replays import EpisodeCheck

_FEW = 20
"""Up to this many episodes are listed one by one."""


def print_results(result: "ReplayResult") -> None:
    """Print on stdout what was verified."""
    if len(result.checks) <= _FEW:
        out().print(_table(result.checks))
        out().print()
    print_rows(result.rows())


def _table(checks: "Sequence[EpisodeCheck]") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("episode", "seed", "return", "steps"):
        table.add_column(heading, justify="right")
    table.add_column("outcome")
    table.add_column("here")
    for check in checks:
        divergence = check.divergence
        table.add_row(
            str(check.index),
            str(check.seed),
            f"{check.return_:.1f}",
            str(check.length),
            Text(shortened(check.outcome, 40)),
            "the same" if divergence is None else f"another {divergence.what} at step {divergence.step}",
        )
    return table
