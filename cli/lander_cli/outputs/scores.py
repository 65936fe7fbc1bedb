"""An evaluation as people read it: the episodes where they are few, and what they say together."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lander_cli.terminal.console import out, pairs, printable

if TYPE_CHECKING:
    from lander_runtime.scores.report import Report
    from lander_runtime.scores.summary import Summary

_FEW = 20
"""Up to this many episodes are listed one by one."""


def print_report(report: "Report") -> None:
    """Print the scores on stdout."""
    console = out()
    if report.summary.episodes <= _FEW:
        console.print(_episodes(report))
        console.print()
    console.print(_summary(report))


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


def _summary(report: "Report") -> Text:
    summary, conduct = report.summary, report.execution
    rows = [("mean return", f"{summary.mean_return:.1f} ± {summary.std_return:.1f}")]
    if summary.ci95 is not None:
        rows.append(("95% interval", f"{summary.ci95[0]:.1f} to {summary.ci95[1]:.1f}"))
    rows += [
        ("median", f"{summary.median_return:.1f}, IQM {summary.iqm_return:.1f}"),
        ("range", f"{summary.min_return:.1f} to {summary.max_return:.1f}"),
        ("worst 5%", f"{summary.cvar05_return:.1f} on average"),
        ("mean - std", f"{summary.mean_minus_std:.1f}"),
    ]
    if summary.success_rate is not None:
        rows.append(("success", _success(summary, report.env.reward_threshold)))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in summary.outcome_counts.items())
    rows.append(("outcomes", counts))
    rows.append(("length", f"{summary.mean_length:.1f} steps"))
    rows += [(name, f"{value:z.1f}{_unit(report, name)}") for name, value in summary.mean_measures.items()]
    speed = f"{conduct.steps_per_second:,.0f} steps/s on {conduct.provider}, {conduct.engine}"
    return pairs([*rows, ("speed", speed), ("report sha256", report.sha256)])


def _success(summary: "Summary", threshold: float | None) -> str:
    interval = ""
    if summary.success_ci95 is not None:
        low, high = summary.success_ci95
        interval = f" (95% interval {low:.1%} to {high:.1%})"
    return f"{summary.success_rate:.2%} of episodes at {threshold:g} or more{interval}"


def _unit(report: "Report", name: str) -> str:
    unit = next(component.unit for component in report.results.measures if component.name == name)
    return f" {unit}" if unit else ""
