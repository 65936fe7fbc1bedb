"""`merge`: the reports of parts become the report of a single evaluation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.outputs.checks import check_all_writable, check_report_file
from lander_rl.wording import names_arguments
from lander_runtime.errors import InputRefused, UsageError

if TYPE_CHECKING:
    from lander_rl.results.report import Report
    from lander_runtime.scores.report import Report as PlainReport


@names_arguments
def merge(*reports: "Filename | PlainReport", out: Filename | None = None) -> "Report":
    """Put the reports of all parts together, which `evaluate(..., shard="1/8")` and so on made.

    The result equals the report of one evaluation of all episodes, digest included. Its `remarks` say in
    what the parts differed, such as a version of a package.

    Args:
        reports: in any order: reports, their .json files, or folders that hold such files.
        out: a .json file for the merged report.

    Raises:
        InputRefused: two parts do not belong together, or a part is missing, damaged or there twice.
        UsageError: there is nothing to merge, a file is named twice, or `out` cannot be written.
    """
    return run_merge(reports, out)


def run_merge(
    reports: "Sequence[Filename | PlainReport]",
    out: Filename | None,
    say: Callable[[str], None] = lambda text: None,
) -> "Report":
    """`merge` for the command, whose errors name options; `say` prints a line for the user."""
    from lander_rl.results.report import Report
    from lander_runtime.scores.merge import merge as merged_of
    from lander_runtime.scores.report import Report as PlainReport
    from lander_runtime.scores.report_file import read_report, write_report

    target = path_of(out)
    check_report_file(target)
    check_all_writable(target, say=say)
    given = [report for report in reports if isinstance(report, PlainReport)]
    files = _files([Path(report) for report in reports if not isinstance(report, PlainReport)])
    parts = {f"report {number}": report for number, report in enumerate(given, start=1)}
    # One after another: the text of a report takes several times the memory of its numbers.
    parts |= {str(path): read_report(path) for path in files}
    if not parts:
        raise UsageError("Nothing to merge. Name reports, or a folder that holds them.")
    merged = merged_of(parts)
    if target is not None:
        write_report(target, merged.report)
    return Report.of(merged.report, remarks=tuple(merged.remarks))


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
