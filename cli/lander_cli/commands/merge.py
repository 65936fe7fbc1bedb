"""`lander merge`: the reports of shards become the report of a single evaluation."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from lander_cli.arguments import options as given
from lander_cli.outputs.scores import print_report
from lander_cli.terminal.console import print_json, print_next, say

if TYPE_CHECKING:
    from lander_rl.results.report import Report


def merge_command(
    reports: given.Reports,
    as_json: Annotated[bool, given.json_flag("lander.evaluation/1")] = False,
    out: given.MergedOut = None,
) -> None:
    """Put the reports of all shards together (lander eval --shard i/n).

    The result equals the report of one evaluation of all episodes, digest included.
    """
    from lander_rl.scoring.merging import run_merge

    report = run_merge(reports, out, say)
    if out is not None:
        say(f"Wrote {out}")
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    for remark in (*report.remarks, *report.warnings):
        say(remark)
    print_next(*_next(report))


def _next(report: "Report") -> tuple[object, ...]:
    """The policy is named only if it is on this machine: the reports may be from another one."""
    path = report.policy_path
    if path is not None and path.isprintable():
        with suppress(OSError):  # A text that no path can be.
            if Path(path).is_file():
                return "lander", "inspect", Path(path)
    return "lander", "inspect"
