"""`lander merge`: the reports of shards as the one report that a single run would have given."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.arguments.shards import check_json
from lander_cli.outputs.scores import print_report
from lander_cli.terminal.console import print_json, print_next, say
from lander_runtime.errors import InputRefused, UsageError

if TYPE_CHECKING:
    from lander_runtime.scores.report import Report


def merge_command(
    reports: Annotated[
        list[Path], typer.Argument(help="Reports of shards, in any order, or folders that hold them.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object (lander.evaluation/1).")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where to write that object to.")] = None,
) -> None:
    """Put the reports of all shards together (lander eval --shard i/n).

    What comes out is, digest included, the report of one run over all episodes.
    """
    from lander_runtime.files import check_writable
    from lander_runtime.scores.merge import merge
    from lander_runtime.scores.report_file import read_report, write_report

    check_json(out)
    if out is not None:
        check_writable(out)
    paths = _files(reports)
    # One after another: as text a report takes several times what is kept of it.
    merged = merge({str(path): read_report(path) for path in paths})
    report = merged.report
    if out is not None:
        write_report(out, report)
        say(f"Wrote {out}")
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    for remark in (*merged.remarks, *report.warnings):
        say(remark)
    print_next(*_next(report))


def _files(named: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in named:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(path.glob("*.json"))
        if not inside:
            raise InputRefused(f"{path}: a folder without reports (.json). Make one: lander eval --shard 1/2")
        found += inside
    for path in found:
        if found.count(path) > 1:
            raise UsageError(f"{path} is named twice. Leave one out.")
    return found


def _next(report: "Report") -> tuple[object, ...]:
    """The policy by its name only where it is here: another machine may have written the reports."""
    if report.policy_path is not None and report.policy_path.isprintable():
        path = Path(report.policy_path)
        if path.is_file():
            return "lander", "inspect", path
    return "lander", "inspect"
