"""`ReplayResult`: recorded episodes that were run again."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_runtime.scores.words import mean_in_words
from lander_runtime.text import aligned, counted, html_table, html_text, printable

if TYPE_CHECKING:
    from lander_runtime.replays import Divergence, EpisodeCheck, Header
    from lander_runtime.scores.report import Report

SCHEMA = "lander.replay-proof/1"


@dataclass(frozen=True, repr=False, eq=False)
class ReplayResult:
    """Which recorded episodes gave the same steps when they were run again here."""

    path: Path
    header: "Header"
    checks: "tuple[EpisodeCheck, ...]"
    """One for each episode that was run again, in the order of their seeds."""
    verified: int
    """Episodes whose rewards, end, outcome and return equal those of the file, bit for bit."""
    first_divergence: "Divergence | None"
    """The first difference from the file; None if there is none."""
    report: "Report | None"
    """The report of the recorded evaluation; None unless all its episodes were verified."""
    drawn: tuple[Path, ...] = ()
    """GIF and MP4 files; an episode that differs is not kept."""

    @property
    def failure(self) -> str | None:
        """How many episodes differ, the first difference and its possible cause; None if none differs."""
        from lander_runtime.replays import differences_of_machine

        if self.first_divergence is None:
            return None
        cause = differences_of_machine(self.header) or (
            "Versions and platform are the same, so the file was changed, or the environment does not repeat "
            "itself from a seed."
        )
        differing = len(self.checks) - self.verified
        how_many = f"{differing} of {counted(len(self.checks), 'episode')} not as in the file."
        return f"{how_many} {self.first_divergence.sentence} {cause}"

    def rows(self) -> list[tuple[str, str]]:
        """What was proved, as names and values."""
        steps = sum(check.length for check in self.checks if check.divergence is None)
        episodes = counted(len(self.checks), "episode")
        rows = [("proved", f"{self.verified} of {episodes} as in the file, {counted(steps, 'step')}")]
        if self.report is not None:
            summary = self.report.summary
            rows.append(("mean return", mean_in_words(summary)))
        if self.header.policy_sha256 is not None:
            rows.append(("policy sha256", self.header.policy_sha256))
        if self.report is not None:
            rows.append(("report sha256", f"{self.report.sha256} (what lander eval says)"))
        return rows

    def to_json(self) -> dict[str, Any]:
        """The object that `lander replay --json` prints, schema `lander.replay-proof/1`."""
        header, report = self.header, self.report
        return {
            "schema": SCHEMA,
            "replay": str(self.path),
            "policy": {"sha256": header.policy_sha256},
            "env": header.env.to_json(),
            "deterministic": header.deterministic,
            "first_seed": header.first_seed,
            "episodes": header.episodes,
            "replayed": len(self.checks),
            "proved": self.verified,
            "mean_return": None if report is None else report.summary.mean_return,
            "report_sha256": None if report is None else report.sha256,
            "verdicts": [_check_to_json(check) for check in self.checks],
            "drawn": [str(path) for path in self.drawn],
            "elsewhere": header.elsewhere(),
        }

    def __repr__(self) -> str:
        return f"Replay of {self._title}\n{aligned(self._shown())}"

    def _repr_html_(self) -> str:
        """For a notebook: the same as a table."""
        return f"<div><strong>Replay of {html_text(self._title)}</strong>{html_table(self._shown())}</div>"

    @property
    def _title(self) -> str:
        return printable(f"{self.path.name} in {self.header.env.id}")

    def _shown(self) -> list[tuple[str, str]]:
        differs = [] if self.first_divergence is None else [("differs", self.first_divergence.sentence)]
        return [*self.rows(), *differs, *(("drawn", str(path)) for path in self.drawn)]


def _check_to_json(check: "EpisodeCheck") -> dict[str, Any]:
    return {
        "seed": check.seed,
        "return": check.return_,
        "length": check.length,
        "outcome": check.outcome,
        "divergence": None if check.divergence is None else asdict(check.divergence),
    }
