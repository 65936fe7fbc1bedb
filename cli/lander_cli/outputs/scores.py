"""An evaluation as text: the episodes if they are few, and the statistics."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lander_cli.terminal.console import out, print_json, print_rows, say
from lander_cli.terminal.talk import Talk
from lander_runtime.scores.words import report_rows
from lander_runtime.text import shortened

if TYPE_CHECKING:
    from lander_runtime.scores.report import Report

_FEW = 20
"""Up to this many episodes are listed one by one."""


class ScoreTalk(Talk):
    """Prints the scores before GIFs and the page are made, which may fail."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def on_report(self, report: "Report") -> None:
        if self._as_json:
            print_json(report.to_json())
        else:
            print_report(report)
        for warning in report.warnings:
            say(warning)


def print_report(report: "Report") -> None:
    """Print the scores on stdout."""
    console = out()
    if report.summary.episodes <= _FEW:
        console.print(_episodes(report))
        console.print()
    print_rows(report_rows(report))


def _episodes(report: "Report") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("episode", "seed", "return", "steps"):
        table.add_column(heading, justify="right")
    table.add_column("outcome")
    results, first = report.results, report.summary.first_seed
    rows = zip(results.returns, results.lengths, results.outcomes, strict=True)
    for index, (value, length, outcome) in enumerate(rows):
        table.add_row(
            str(index), str(first + index), f"{value:z.1f}", str(length), Text(shortened(outcome, 40))
        )
    return table
