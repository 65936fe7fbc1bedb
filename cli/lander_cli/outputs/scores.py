"""An evaluation as people read it: the episodes where they are few, and what they say together."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lander_cli.terminal.console import out, pairs
from lander_runtime.scores.words import report_rows
from lander_runtime.text import printable

if TYPE_CHECKING:
    from lander_runtime.scores.report import Report

_FEW = 20
"""Up to this many episodes are listed one by one."""


def print_report(report: "Report") -> None:
    """Print the scores on stdout."""
    console = out()
    if report.summary.episodes <= _FEW:
        console.print(_episodes(report))
        console.print()
    console.print(pairs(report_rows(report)))


def _episodes(report: "Report") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("episode", "seed", "return", "steps"):
        table.add_column(heading, justify="right")
    table.add_column("outcome")
    results, first = report.results, report.summary.first_seed
    rows = zip(results.returns, results.lengths, results.outcomes, strict=True)
    for index, (value, length, outcome) in enumerate(rows):
        table.add_row(str(index), str(first + index), f"{value:z.1f}", str(length), Text(printable(outcome)))
    return table
