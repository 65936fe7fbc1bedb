"""Two policies on the same seeds: statistics of the differences of their returns. Pure, no I/O.

Apart from `summary.py`, which is about one policy. Episodes of one seed share the terrain and the first
push, so their difference varies less than either return, and fewer episodes are needed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.scores.intervals import mean_interval, student_quantile, wilson_interval
from lander_runtime.scores.verdict import Verdict

MOST_EXTREMES = 10
"""The number of largest losses, and of largest wins, that are listed."""

_ERROR_RATE = 0.05
"""Of all verdicts of one comparison together."""


@dataclass(frozen=True)
class SeedDifference:
    """The returns of both policies on one seed."""

    seed: int
    return_: float
    baseline_return: float

    @property
    def difference(self) -> float:
        """The policy's return less the baseline's: positive if the policy did better."""
        return self.return_ - self.baseline_return

    def to_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "return": self.return_,
            "baseline_return": self.baseline_return,
            "difference": self.difference,
        }


@dataclass(frozen=True, eq=False)
class PairedDifference:
    """A policy compared with a baseline on N seeds; a difference is its return less the baseline's."""

    mean: float
    ci95: tuple[float, float] | None
    """95% interval of the mean difference, for this comparison alone; None for fewer than two episodes."""
    joint_ci95: tuple[float, float] | None
    """The same, but wide enough for all intervals of one comparison to be right together 95 times in 100.
    The verdict depends on it. With two policies it equals `ci95`."""
    wins: int
    """Seeds on which the policy has the higher return."""
    ties: int
    """Seeds on which both have the same return, to the last bit."""
    losses: int
    win_rate: float
    """Share of seeds won, ties counted half."""
    win_rate_ci95: tuple[float, float]
    """Wilson's 95% interval of it, for this comparison alone; somewhat too wide where there are ties."""
    verdict: Verdict
    largest_losses: tuple[SeedDifference, ...]
    """The seeds on which the policy loses most, the largest loss first; at most `MOST_EXTREMES`."""
    largest_wins: tuple[SeedDifference, ...]
    """The seeds on which the policy wins most, the largest win first; at most `MOST_EXTREMES`."""
    succeeds_alone: tuple[int, ...] | None
    """Seeds on which only the policy reaches the reward threshold; None without a threshold."""
    fails_alone: tuple[int, ...] | None
    """Seeds on which only the baseline reaches the reward threshold; None without a threshold."""

    heaviest_seed: int
    """The seed whose difference is farthest from the mean."""
    heaviest_share: float
    """Its share of all squared deviations from the mean: near 1, the interval depends on this one episode.
    0 if all differences are equal."""

    @property
    def decided(self) -> int:
        """Episodes whose returns differ."""
        return self.wins + self.losses

    def to_json(self) -> dict[str, Any]:
        return {
            "mean_difference": self.mean,
            "ci95": _listed(self.ci95),
            "joint_ci95": _listed(self.joint_ci95),
            "wins": self.wins,
            "ties": self.ties,
            "losses": self.losses,
            "win_rate": self.win_rate,
            "win_rate_ci95": _listed(self.win_rate_ci95),
            "verdict": self.verdict.value,
            "largest_losses": [episode.to_json() for episode in self.largest_losses],
            "largest_wins": [episode.to_json() for episode in self.largest_wins],
            "succeeds_alone": _listed(self.succeeds_alone),
            "fails_alone": _listed(self.fails_alone),
            "heaviest_seed": self.heaviest_seed,
            "heaviest_share": self.heaviest_share,
        }


def paired_difference(
    returns: NDArray[np.float64],
    baseline: NDArray[np.float64],
    *,
    first_seed: int,
    reward_threshold: float | None = None,
    comparisons: int = 1,
) -> PairedDifference:
    """Compare a policy's returns with a baseline's.

    A difference is shown if two conditions hold. The joint interval does not contain zero. And enough
    episodes differ: by luck alone, all of them would favour the same policy less often than the error rate
    (six episodes in a single comparison). The second is needed because a bootstrap interval is too narrow
    when few episodes differ and many do not.

    Args:
        returns: `[N]`, N >= 1, episode i on seed `first_seed + i`.
        baseline: `[N]`, the baseline's on the same seeds.
        first_seed: seed of episode 0.
        reward_threshold: the return from which an episode is a success.
        comparisons: how many policies are compared with this baseline (Bonferroni: the error rate of each
            is 0.05 / `comparisons`, so the chance of any error is at most 0.05).

    Raises:
        InputRefused: a difference is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        differences = returns - baseline
    if not np.isfinite(differences).all():
        seed = first_seed + int(np.flatnonzero(~np.isfinite(differences))[0])
        raise InputRefused(f"The returns on seed {seed} are not finite, so they cannot be compared.")
    count, mean = len(differences), float(np.mean(differences))
    wins, losses = int(np.count_nonzero(differences > 0)), int(np.count_nonzero(differences < 0))
    score = wins + 0.5 * (count - wins - losses)
    ci95 = mean_interval(differences) if count > 1 else None
    joint = None if ci95 is None else _widened(ci95, mean, count, comparisons)
    order = np.argsort(differences, kind="stable")
    episodes = [
        [SeedDifference(first_seed + int(i), float(returns[i]), float(baseline[i])) for i in indices]
        for indices in (order[:MOST_EXTREMES], order[::-1][:MOST_EXTREMES])
    ]
    # Scaled to at most 1, because the square of a large number may overflow.
    spread = np.abs(differences - mean)
    squares = (spread / (spread.max() or 1.0)) ** 2
    alone, fails = _one_sided(returns, baseline, first_seed, reward_threshold)
    return PairedDifference(
        mean=mean,
        ci95=ci95,
        joint_ci95=joint,
        wins=wins,
        ties=count - wins - losses,
        losses=losses,
        win_rate=score / count,
        win_rate_ci95=wilson_interval(score, count),
        verdict=_verdict(joint, wins + losses, comparisons),
        largest_losses=tuple(episode for episode in episodes[0] if episode.difference < 0),
        largest_wins=tuple(episode for episode in episodes[1] if episode.difference > 0),
        succeeds_alone=alone,
        fails_alone=fails,
        heaviest_seed=first_seed + int(np.argmax(squares)),
        heaviest_share=float(squares.max() / (squares.sum() or 1.0)),
    )


def is_worse(found: PairedDifference, baseline: NDArray[np.float64]) -> bool:
    """Whether a policy that should act like the baseline scores worse, by more than rounding explains.

    Shown to be worse is not enough: over many episodes any rounding of continuous actions costs something
    that is shown. It has to cost more than 1% of the baseline's mean return, or of 1.
    """
    return found.verdict is Verdict.WORSE and found.mean < -0.01 * max(1.0, abs(float(np.mean(baseline))))


def needed_to_show(comparisons: int = 1) -> int:
    """How many episodes must differ to show anything: the least k with 2 / 2^k <= 0.05 / `comparisons`."""
    decided = 1
    while 2.0 ** (1 - decided) > _ERROR_RATE / comparisons:
        decided += 1
    return decided


def _widened(interval: tuple[float, float], mean: float, count: int, comparisons: int) -> tuple[float, float]:
    """Widen by the ratio of Student's quantiles, because 2,000 resamples do not reach the far tails."""
    if comparisons == 1:
        return interval
    stretch = student_quantile(1.0 - _ERROR_RATE / comparisons / 2.0, count - 1) / student_quantile(
        1.0 - _ERROR_RATE / 2.0, count - 1
    )
    return mean + (interval[0] - mean) * stretch, mean + (interval[1] - mean) * stretch


def _verdict(interval: tuple[float, float] | None, decided: int, comparisons: int) -> Verdict:
    if decided == 0:
        return Verdict.ALIKE
    if interval is None or decided < needed_to_show(comparisons) or interval[0] <= 0.0 <= interval[1]:
        return Verdict.NOT_SHOWN
    return Verdict.BETTER if interval[0] > 0.0 else Verdict.WORSE


def _one_sided(
    returns: NDArray[np.float64], baseline: NDArray[np.float64], first_seed: int, threshold: float | None
) -> tuple[tuple[int, ...], tuple[int, ...]] | tuple[None, None]:
    """The seeds on which only the policy reaches the threshold, and those on which only the baseline does."""
    if threshold is None:
        return None, None
    here, there = returns >= threshold, baseline >= threshold
    # As Python ints, because a seed may have more than 64 bits.
    alone, fails = (np.flatnonzero(column).tolist() for column in (here & ~there, there & ~here))
    return tuple(first_seed + index for index in alone), tuple(first_seed + index for index in fails)


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)
