"""Whether a measured score agrees with the one that a policy file claims. Pure, no I/O.

Apart from `paired.py`: of the claimed episodes only mean and deviation are known, so they cannot be paired.
"""

import math

from lander_runtime.scores.intervals import student_quantile
from lander_runtime.scores.summary import FEW, Summary
from lander_runtime.scores.words import mean_in_words
from lander_runtime.text import counted

_ROUNDING = 1e-6
"""Of a mean, relative: other machines add in another order."""


def doubt(claimed: Summary, measured: Summary) -> str | None:
    """As `contradiction`, for episodes that were not chosen to check the claim.

    Below `FEW` episodes on either side there is no verdict: the interval takes mean returns as normal, and
    those of a few episodes are not.
    """
    if min(claimed.episodes, measured.episodes) < FEW:
        return None
    return contradiction(claimed, measured)


def contradiction(claimed: Summary, measured: Summary) -> str | None:
    """A sentence if the claimed mean is outside of what `measured` allows; None if it may be right.

    The interval is Welch's for the difference of two means, at 95%. It takes both samples as independent.
    Where they share seeds the difference varies less, and a contradiction is only the more certain. One
    episode has no deviation, so it contradicts nothing.

    Args:
        claimed: what the file says of itself, of the same environment.
        measured: of the same kind of actions, greedy or sampled.
    """
    if min(claimed.episodes, measured.episodes) < 2 or claimed.deterministic != measured.deterministic:
        return None
    difference = measured.mean_return - claimed.mean_return
    # Population deviations: the variance of a mean is s^2 / (n - 1).
    parts = [(its.std_return**2 / (its.episodes - 1), its.episodes - 1) for its in (claimed, measured)]
    variance = sum(part for part, _ in parts)
    half = 0.0
    if variance > 0.0:
        # Welch and Satterthwaite; shares, because squares of large variances overflow.
        freedom = 1.0 / sum((part / variance) ** 2 / degrees for part, degrees in parts)
        half = student_quantile(0.975, max(1, int(freedom))) * math.sqrt(variance)
    slack = _ROUNDING * max(1.0, abs(claimed.mean_return))
    if abs(difference) <= half + slack:
        return None
    low, high = abs(difference) - half, abs(difference) + half
    return (
        f"The file claims a mean return of {mean_in_words(claimed)} over "
        f"{counted(claimed.episodes, 'episode')}. The {measured.episodes:,} measured here give "
        f"{measured.mean_return:.1f}, {abs(difference):.1f} {'less' if difference < 0.0 else 'more'} (95% "
        f"interval of the difference {low:.1f} to {high:.1f}): the claimed score does not hold here."
    )
