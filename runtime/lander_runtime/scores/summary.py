"""The statistics of N episodes of one policy: pure functions of their results, no I/O.

References: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
Precipice" (interquartile mean, bootstrap intervals); Rockafellar and Uryasev 2000 (CVaR).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.intervals import mean_interval, wilson_interval
from lander_runtime.text import counted, escaped

if TYPE_CHECKING:
    from lander_runtime.scores.results import Results

LARGEST_NUMBER = 1e100
"""Far above any real return or measure, and sums of squares of smaller numbers do not overflow."""

FEW = 30
"""Fewer episodes than this carry a warning."""


@dataclass(frozen=True)
class Summary:
    """The statistics of N episodes. Returns are undiscounted sums of rewards.

    Policy files contain one too. Older files lack some statistics; these are None or empty.
    """

    episodes: int
    first_seed: int
    deterministic: bool
    mean_return: float
    std_return: float
    """Population standard deviation, as in the usual `mean +- std`."""
    ci95: tuple[float, float] | None
    """Bootstrap 95% interval of the mean return; None for fewer than two episodes."""
    iqm_return: float
    """Interquartile mean."""
    min_return: float
    max_return: float
    success_rate: float | None
    """Share of episodes with return >= the reward threshold; None where there is no threshold."""
    mean_length: float
    """Steps."""
    median_return: float | None = None
    cvar05_return: float | None = None
    """Mean of the lowest 5% of returns (at least one): how bad the worst episodes are."""
    mean_minus_std: float | None = None
    """`mean_return - std_return`, the score that Hugging Face's leaderboards sort by."""
    success_ci95: tuple[float, float] | None = None
    """Wilson's 95% interval of the success rate."""
    outcome_counts: Mapping[str, int] = field(default_factory=dict)
    """The number of episodes with each outcome."""
    mean_measures: Mapping[str, float] = field(default_factory=dict)
    """The mean of each of the environment's measures, over the episodes that have a value."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), **{name: _listed(getattr(self, name)) for name in _INTERVALS}}

    @classmethod
    def from_json(cls, source: Fields) -> "Summary":
        """Read it from an untrusted file.

        Raises:
            InputRefused: an entry is missing or malformed, or no episodes can have such figures.
        """
        entries: dict[str, Any] = {key: source.number(key) for key in _NUMBERS}
        entries |= {key: source.optional_number(key) for key in _OPTIONAL_NUMBERS}
        entries |= {key: _interval(source, key) for key in _INTERVALS}
        found = cls(
            episodes=source.count("episodes"),
            first_seed=source.count("first_seed"),
            deterministic=source.boolean("deterministic"),
            outcome_counts=_entries(source, "outcome_counts", Fields.count),
            mean_measures=_entries(source, "mean_measures", Fields.number),
            **entries,
        )
        for name, expected in found._impossible():
            raise source.wrong(name, expected, source.data.get(name))
        return found

    def _impossible(self) -> Iterator[tuple[str, str]]:
        """The figures that no episodes can have, each with what it should be."""
        if self.episodes < 1:
            yield "episodes", "at least 1"
        largest = max(abs(self.min_return), abs(self.max_return))
        if not self.min_return <= self.max_return or largest >= LARGEST_NUMBER:
            yield "min_return", f"at most 'max_return', and both below {LARGEST_NUMBER:g}"
        # Sums in float64 round, so a mean of equal returns may lie a little beside them.
        slack = 1e-9 * max(1.0, largest)
        for name in ("mean_return", "iqm_return", "median_return", "cvar05_return"):
            value = getattr(self, name)
            if value is not None and not self.min_return - slack <= value <= self.max_return + slack:
                yield name, "between 'min_return' and 'max_return'"
        # Popoviciu's inequality.
        if not 0.0 <= self.std_return <= (self.max_return - self.min_return) / 2.0 + slack:
            yield "std_return", "from 0 to half of what 'max_return' is above 'min_return'"
        if self.episodes == 1 and self.min_return != self.max_return:
            yield "max_return", "'min_return', where there is one episode"
        if self.cvar05_return is not None and self.cvar05_return > self.mean_return + slack:
            yield "cvar05_return", "at most 'mean_return'"
        gap = (
            None if self.mean_minus_std is None else self.mean_minus_std - self.mean_return + self.std_return
        )
        if gap is not None and abs(gap) > slack:
            yield "mean_minus_std", "'mean_return' less 'std_return'"
        if self.mean_length <= 0.0:
            yield "mean_length", "above 0"
        if self.success_rate is not None and not 0.0 <= self.success_rate <= 1.0:
            yield "success_rate", "a share from 0 to 1"
        if self.ci95 is not None and not self.ci95[0] <= self.ci95[1]:
            yield "ci95", "the lower end, then the higher one"
        if self.success_ci95 is not None and not 0.0 <= self.success_ci95[0] <= self.success_ci95[1] <= 1.0:
            yield "success_ci95", "shares from 0 to 1, the lower end first"
        if self.outcome_counts and sum(self.outcome_counts.values()) != self.episodes:
            yield "outcome_counts", f"numbers that add up to {self.episodes}, the episodes"


_NUMBERS = [f.name for f in fields(Summary) if f.type in (float, "float")]
_OPTIONAL_NUMBERS = [f.name for f in fields(Summary) if f.type in (float | None, "float | None")]
_INTERVALS = ("ci95", "success_ci95")


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _interval(source: Fields, key: str) -> tuple[float, float] | None:
    if source.data.get(key) is None:
        return None
    ends = source.items(key)
    if len(ends) != 2:
        raise source.wrong(key, "two numbers", ends)
    pair = Fields({"low": ends[0], "high": ends[1]}, f"{source.where}: {key}")
    return pair.number("low"), pair.number("high")


def _entries(source: Fields, key: str, read: Any) -> dict[str, Any]:
    if source.data.get(key) is None:
        return {}
    child = source.child(key)
    return {escaped(name): read(child, name) for name in child.data}


def summarise(
    results: "Results", *, first_seed: int, deterministic: bool, reward_threshold: float | None
) -> Summary:
    """Summarise one evaluation.

    Args:
        results: N >= 1 episodes in order.
        first_seed: seed of episode 0.
        deterministic: whether actions were greedy.
        reward_threshold: the return from which an episode is a success.
    """
    returns, several = results.returns, len(results) > 1
    mean, std = float(np.mean(returns)), float(np.std(returns))
    successes = None if reward_threshold is None else int(np.count_nonzero(returns >= reward_threshold))
    return Summary(
        episodes=len(results),
        first_seed=first_seed,
        deterministic=deterministic,
        mean_return=mean,
        std_return=std,
        ci95=mean_interval(returns) if several else None,
        iqm_return=interquartile_mean(returns),
        min_return=float(np.min(returns)),
        max_return=float(np.max(returns)),
        success_rate=None if successes is None else successes / len(results),
        mean_length=float(np.mean(results.lengths)),
        median_return=float(np.median(returns)),
        cvar05_return=tail_mean(returns),
        mean_minus_std=mean - std,
        success_ci95=None if successes is None else wilson_interval(successes, len(results)),
        outcome_counts=results.outcome_counts,
        mean_measures={
            component.name: float(np.nanmean(values))
            for component, values in results.measures.items()
            if not np.isnan(values).all()
        },
    )


def interquartile_mean(values: NDArray[np.float64]) -> float:
    """Mean of the middle half of `values` `[N]`: a quarter (rounded down) is cut from each end."""
    cut = len(values) // 4
    return float(np.mean(np.sort(values)[cut : len(values) - cut]))


def tail_mean(values: NDArray[np.float64], share: float = 0.05) -> float:
    """Mean of the lowest `share` of `values` `[N]`, their number rounded up (CVaR)."""
    count = max(1, math.ceil(share * len(values)))
    return float(np.mean(np.partition(values, count - 1)[:count]))


def cautions(summary: Summary, reward_threshold: float | None) -> list[str]:
    """What to know before trusting the score, a sentence each. The report's digest covers these words."""
    found = []
    if summary.episodes < FEW:
        found.append(
            f"A score of {counted(summary.episodes, 'episode')} says little: take at least {FEW}, better "
            "1000, before comparing."
        )
    interval = summary.ci95
    if interval is not None and reward_threshold is not None and interval[0] < reward_threshold < interval[1]:
        found.append(
            f"The 95% interval, {interval[0]:.1f} to {interval[1]:.1f}, holds the threshold of "
            f"{reward_threshold:g}: whether the mean reaches it is not known from these episodes."
        )
    return found
