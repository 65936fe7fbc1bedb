"""What a trial is worth, from the trainings of its seeds. Pure functions, without Optuna."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lander_rl.several.training_worker import Trained

NEVER = 100_000.0
"""Seconds that count for a training that never reached the threshold, plus its missing points. More than any
training of a sweep takes, so that such a one never looks better than one that reached it."""

OBJECTIVES: dict[str, tuple[Literal["maximize", "minimize"], str]] = {
    "score": ("maximize", "mean greedy score"),
    "time": ("minimize", f"mean seconds to the threshold, {NEVER:,.0f} + points missing where never"),
    "failures": ("minimize", "mean number of episodes under the threshold"),
}
"""Objectives by name: the direction, and what the number means."""


def value_of(objective: str, trainings: Sequence[Trained], threshold: float | None) -> float:
    """The value of `objective` for one trial's trainings, one a seed."""
    if objective == "score":
        return float(np.mean([one.returns.mean() for one in trainings]))
    assert threshold is not None
    if objective == "failures":
        return float(np.mean([np.sum(one.returns < threshold) for one in trainings]))
    return float(np.mean([_seconds(one, threshold) for one in trainings]))


def _seconds(one: Trained, threshold: float) -> float:
    if one.seconds_to_threshold is not None:
        return one.seconds_to_threshold
    return NEVER + threshold - (-threshold if one.last_mean is None else one.last_mean)
