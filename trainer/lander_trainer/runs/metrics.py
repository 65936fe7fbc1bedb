"""What one update reports: a row of `metrics.jsonl` and what a progress display draws."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class UpdateMetrics:
    """The state of a run after one update. A value that does not exist yet is None."""

    update: int
    """From 1."""
    done: float
    """Share of the run that lies behind, of its updates or its time limit, from 0 to 1."""
    steps: int
    """Environment steps so far, dummy rows not counted."""
    seconds: float
    """Training time so far, resumed parts included."""
    steps_per_second: float
    """Over this update: its steps by its environment, inference and update time."""
    episodes: int
    mean_return: float | None
    """Mean undiscounted return of the last 100 training episodes, with what `shaping` adds to it."""
    selection_score: float | None
    """Mean greedy return on the selection seeds, where this update selected."""
    best_score: float | None
    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clip_fraction: float
    grad_norm: float
    explained_variance: float | None
    learning_rate: float
    epochs: int
    environment_seconds: float
    """Time of this update spent stepping the environments."""
    inference_seconds: float
    """Time spent choosing actions."""
    update_seconds: float
    """Time spent learning."""
    selection_seconds: float
    """Time spent scoring on the selection seeds."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; a NaN becomes None, which JSON can hold."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }
