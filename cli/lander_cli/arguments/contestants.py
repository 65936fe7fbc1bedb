"""What `lander compare` compares: policies to fly, and reports of policies that were flown before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lander_cli.arguments.opening import Opened, open_named
from lander_runtime.errors import UsageError

if TYPE_CHECKING:
    from lander_runtime.scores.report import Report
    from lander_runtime.spec import EnvSpec


@dataclass(frozen=True)
class Saved:
    """A report of `lander eval --out`, in the place of a policy."""

    path: Path
    report: "Report"

    @property
    def env(self) -> "EnvSpec":
        return self.report.env


@dataclass(frozen=True)
class Way:
    """On which episodes policies are flown, and how."""

    episodes: int
    seed: int
    sampled: bool


def open_contestant(path: Path, device: str, env: str | None, arguments: Sequence[str]) -> "Opened | Saved":
    """A report where the file's name ends in .json, else a policy; raises like `open_named`."""
    from lander_runtime.scores.report_file import read_report

    if path.suffix.lower() == ".json" and not path.is_dir():
        return Saved(path, read_report(path))
    return open_named(path, device, env, arguments, None)


def agreed_way(
    contestants: "Sequence[Opened | Saved]", episodes: int | None, seed: int | None, sampled: bool
) -> Way:
    """That of the first report, which policies are flown in too; else what was typed.

    Raises:
        UsageError: something else was typed than the report has.
    """
    saved = next((one for one in contestants if isinstance(one, Saved)), None)
    if saved is None:
        return Way(episodes or 1000, 1_000_000 if seed is None else seed, sampled)
    summary = saved.report.summary
    way = Way(summary.episodes, summary.first_seed, not summary.deterministic)
    if (episodes or way.episodes, way.seed if seed is None else seed) != (way.episodes, way.seed) or (
        sampled and not way.sampled
    ):
        kind = "sampled" if way.sampled else "greedy"
        raise UsageError(
            f"{saved.path} is of {way.episodes} {kind} episodes from seed {way.seed}, and policies are "
            "compared on the same ones. Leave out --episodes, --seed and --sampled."
        )
    return way


def remarks(reports: "Sequence[Report]") -> list[str]:
    """A sentence for each version that reports differ in, which may have decided what they found."""
    found = []
    for name in dict.fromkeys(name for report in reports for name in report.execution.versions):
        values = dict.fromkeys(report.execution.versions.get(name, "unknown") for report in reports)
        if len(values) > 1:
            what = name if name == "platform" else f"version of {name}"
            found.append(
                f"The reports differ in their {what} ({', '.join(values)}): that may be the difference, or "
                "part of it."
            )
    return found
