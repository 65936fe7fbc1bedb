"""What a replay came to, as people and as scripts read it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from lander_cli.console import out, pairs, printable
from lander_runtime.words import counted

if TYPE_CHECKING:
    from lander_runtime.replays import Header, Proof, Verdict

_FEW = 20
"""Up to this many episodes are listed one by one."""


def print_results(header: "Header", proof: "Proof", verdicts: "Sequence[Verdict]") -> None:
    """Print on stdout what was proved."""
    if len(verdicts) <= _FEW:
        out().print(_table(verdicts))
        out().print()
    steps = sum(verdict.length for verdict in verdicts if verdict.divergence is None)
    proved = f"{proof.proved} of {counted(len(verdicts), 'episode')} as in the file, {counted(steps, 'step')}"
    rows = [("proved", proved)]
    report = proof.report()
    if report is not None:
        summary = report.summary
        rows.append(("mean return", f"{summary.mean_return:.1f} ± {summary.std_return:.1f}"))
    if header.policy_sha256 is not None:
        rows.append(("policy sha256", header.policy_sha256))
    if report is not None:
        rows.append(("report sha256", f"{report.sha256} (what lander eval says)"))
    out().print(pairs(rows))


def to_json(
    path: Path, header: "Header", proof: "Proof", verdicts: "Sequence[Verdict]", drawn: Sequence[Path]
) -> dict[str, Any]:
    """The object that `--json` prints, schema `lander.replay-proof/1`."""
    report = proof.report()
    return {
        "schema": "lander.replay-proof/1",
        "replay": str(path),
        "policy": {"sha256": header.policy_sha256},
        "env": header.env.to_json(),
        "deterministic": header.deterministic,
        "first_seed": header.first_seed,
        "episodes": header.episodes,
        "replayed": len(verdicts),
        "proved": proof.proved,
        "mean_return": None if report is None else report.summary.mean_return,
        "report_sha256": None if report is None else report.sha256,
        "verdicts": [
            {
                "seed": verdict.seed,
                "return": verdict.return_,
                "length": verdict.length,
                "outcome": verdict.outcome,
                "divergence": None if verdict.divergence is None else asdict(verdict.divergence),
            }
            for verdict in verdicts
        ],
        "drawn": [str(path) for path in drawn],
        "elsewhere": header.elsewhere(),
    }


def _table(verdicts: "Sequence[Verdict]") -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("episode", "seed", "return", "steps"):
        table.add_column(heading, justify="right")
    table.add_column("outcome")
    table.add_column("here")
    for verdict in verdicts:
        divergence = verdict.divergence
        table.add_row(
            str(verdict.index),
            str(verdict.seed),
            f"{verdict.return_:.1f}",
            str(verdict.length),
            Text(printable(verdict.outcome[:40])),
            "the same" if divergence is None else f"another {divergence.what} at step {divergence.step}",
        )
    return table
