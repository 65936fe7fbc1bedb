"""Statistics of a set of episode returns: pure functions of arrays, no I/O.

References: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
Precipice" (interquartile mean, bootstrap intervals); Efron and Tibshirani 1993, chapters 5 and 13.
"""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.fields import Fields

RESAMPLES = 2_000


@dataclass(frozen=True)
class Summary:
    """What N episodes say about a policy. Returns are undiscounted sums of rewards."""

    episodes: int
    first_seed: int
    deterministic: bool
    mean_return: float
    std_return: float
    ci95: tuple[float, float] | None
    """Bootstrap 95% interval of the mean return; None for fewer than two episodes."""
    iqm_return: float
    min_return: float
    max_return: float
    success_rate: float | None
    """Share of episodes with return >= the reward threshold; None where there is no threshold."""
    mean_length: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ci95": None if self.ci95 is None else list(self.ci95)}

    @classmethod
    def from_json(cls, source: Fields) -> "Summary":
        interval = None
        if source.data.get("ci95") is not None:
            ends = source.items("ci95")
            if len(ends) != 2:
                raise source.wrong("ci95", "two numbers", ends)
            pair = Fields({"low": ends[0], "high": ends[1]}, f"{source.where}: ci95")
            interval = (pair.number("low"), pair.number("high"))
        return cls(
            episodes=source.integer("episodes"),
            first_seed=source.integer("first_seed"),
            deterministic=source.boolean("deterministic"),
            ci95=interval,
            success_rate=source.optional_number("success_rate"),
            **{key: source.number(key) for key in _NUMBERS},
        )


_NUMBERS = [f.name for f in fields(Summary) if f.type in (float, "float")]


def summarise(
    returns: NDArray[np.float64],
    lengths: NDArray[np.int64],
    *,
    first_seed: int,
    deterministic: bool,
    reward_threshold: float | None,
) -> Summary:
    """Summarise one evaluation.

    Args:
        returns: `[N]`, undiscounted returns in episode order, N >= 1.
        lengths: `[N]`, steps of each episode.
        first_seed: seed of episode 0.
        deterministic: whether actions were greedy.
        reward_threshold: the return from which an episode is a success.
    """
    return Summary(
        episodes=len(returns),
        first_seed=first_seed,
        deterministic=deterministic,
        mean_return=float(np.mean(returns)),
        std_return=float(np.std(returns)),
        ci95=mean_interval(returns) if len(returns) > 1 else None,
        iqm_return=interquartile_mean(returns),
        min_return=float(np.min(returns)),
        max_return=float(np.max(returns)),
        success_rate=None if reward_threshold is None else float(np.mean(returns >= reward_threshold)),
        mean_length=float(np.mean(lengths)),
    )


def interquartile_mean(values: NDArray[np.float64]) -> float:
    """Mean of the middle half: a quarter of the values (rounded down) is cut from each end."""
    cut = len(values) // 4
    return float(np.mean(np.sort(values)[cut : len(values) - cut]))


def mean_interval(values: NDArray[np.float64], *, confidence: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values` `[N]`, N >= 2.

    Resamples are drawn from a generator with a fixed seed, so equal values give equal intervals.
    The plain percentile interval is too narrow by sqrt((N - 1) / N) (Hesterberg 2015, "What
    Teachers Should Know About the Bootstrap", section 3.2); it is widened by that factor.
    """
    count = len(values)
    generator = np.random.default_rng(0)
    means = np.empty(RESAMPLES)
    # In slices, so that memory stays at a few MB whatever the number of episodes.
    chunk = max(1, 1_000_000 // count)
    for start in range(0, RESAMPLES, chunk):
        stop = min(start + chunk, RESAMPLES)
        means[start:stop] = values[generator.integers(0, count, size=(stop - start, count))].mean(axis=1)
    mean = float(np.mean(values))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    widen = math.sqrt(count / (count - 1))
    return mean + (float(low) - mean) * widen, mean + (float(high) - mean) * widen
