"""What a replay came to, as people and as scripts read it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from lander_cli.terminal.console import out, pairs
from lander_runtime.text import counted, printable

if TYPE_CHECKING:
    from lander_runtime.replays import EpisodeCheck, Header, ReplayVerifier

_FEW = 20
"""Up to this many episodes are listed one by one."""


def print_results(header: "Header", verifier: "ReplayVerifier", checks: "Sequence[EpisodeCheck]") -> None:
    """Print on stdout what was proved."""
    if len(checks) <= _FEW:
        out().print(_table(checks))
        out().print()
    steps = sum(check.length for check in checks if check.divergence is None)
    proved = (
        f"{verifier.verified} of {counted(len(checks), 'episode')} as in the file, {counted(steps, 'step')}"
    )
    rows = [("proved", proved)]
    report = verifier.report()
    if report is not None:
        summary = report.summary
        rows.append(("mean return", f"{summary.mean_return:.1f} ± {summary.std_return:.1f}"))
    if header.policy_sha256 is not None:
        rows.append(("policy sha256", header.policy_sha256))
    if report is not None:
        rows.append(("report sha256", f"{report.sha256} (what lander eval says)"))
    out().print(pairs(rows))


def to_json(
    path: Path,
    header: "Header",
    verifier: "ReplayVerifier",
    checks: "Sequence[EpisodeCheck]",
    drawn: Sequence[Path],
) -> dict[str, Any]:
    """The object that `--json` prints, schema `lander.replay-proof/1`."""
    report = verifier.report()
    return {
        "schema": "lander.replay-proof/1",
        "replay": str(path),
        "policy": {"sha256": header.policy_sha256},
        "env": header.env.to_json(),
        "deterministic": header.deterministic,
        "first_seed": header.first_seed,
        "episodes": header.episodes,
        "replayed": len(checks),
        "proved": verifier.verified,
        "mean_return": None if report is None else report.summary.mean_return,
        "report_sha256": None if report is None else report.sha256,
        "verdicts": [
            {
                "seed": check.seed,
                "return": check.return_,
                "length": check.length,
                "outcome": check.outcome,
                "divergence": None if check.divergence is None else asdict(check.divergence),
            }
            for check in checks
        ],
        "drawn": [str(path) for path in drawn],
        "elsewhere": header.elsewhere(),
    }


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
            Text(printable(check.outcome[:40])),
            "the same" if divergence is None else f"another {divergence.what} at step {divergence.step}",
        )
    return table
