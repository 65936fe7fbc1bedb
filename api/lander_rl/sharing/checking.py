"""The score that a policy file claims, measured again on the claim's own seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lander_rl.scoring.evaluating import run_evaluation
from lander_rl.scoring.request import EvaluateRequest
from lander_runtime.scores.claims import contradiction

if TYPE_CHECKING:
    from lander_rl.results.report import Report
    from lander_runtime.episodes.episode import EpisodeObserver
    from lander_runtime.scores.summary import Summary


@dataclass(frozen=True)
class ScoreCheck:
    """A claimed score, and the one that was measured on the same seeds."""

    claimed: "Summary"
    report: "Report"

    @property
    def failure(self) -> str | None:
        """A sentence where the claim does not hold; None where it may be right."""
        return contradiction(self.claimed, self.report.summary)

    def in_words(self) -> str:
        """How the two compare."""
        measured = self.report.summary
        seeds = f"seeds {measured.first_seed} to {measured.first_seed + measured.episodes - 1}"
        if measured.mean_return == self.claimed.mean_return:
            return f"measured again on its own {seeds}: the same, {measured.mean_return:.2f}"
        return (
            f"measured again on its own {seeds}: {measured.mean_return:.2f}, claimed "
            f"{self.claimed.mean_return:.2f}; {self.failure or 'other versions or machines may round so'}"
        )


def check_score(
    path: Path, claimed: "Summary", imports: Sequence[str], observer: "EpisodeObserver | None"
) -> ScoreCheck:
    """Run the episodes of the claim again.

    Args:
        path: the policy file.
        claimed: what it says of itself.
        imports: modules that register environments.
        observer: is called with every episode.
    """
    request = EvaluateRequest(
        policy=path, episodes=claimed.episodes, seed=claimed.first_seed,
        sampled=not claimed.deterministic, imports=imports,
    )  # fmt: skip
    return ScoreCheck(claimed, run_evaluation(request, observer, origin="its claimed score, once more"))
