"""The metrics of one update: a row of `metrics.jsonl`, and the data of a progress display."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class UpdateMetrics:
    """The state of a run after one update. A value that does not exist yet is None."""

    update: int
    """From 1."""
    done: float
    """Share of the run that is done, of its updates or its time limit, in [0, 1]."""
    steps: int
    """Environment steps so far, without dummy rows."""
    seconds: float
    """Training time so far, including all parts of a resumed run."""
    steps_per_second: float
    """Of this update: its steps divided by its environment, inference and update time."""
    episodes: int
    """Training episodes that have ended so far."""
    mean_return: float | None
    """Mean undiscounted return of the last 100 training episodes, `shaping` included."""
    selection_score: float | None
    """Mean greedy return on the selection seeds, if a selection followed this update."""
    best_score: float | None
    """Best selection score so far."""
    policy_loss: float
    """This and the next ones are means over the update, as in `losses.LossTerms`."""
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
    """Time spent updating the weights."""
    selection_seconds: float
    """Time spent on a selection; about 0 without one."""

    def to_json(self) -> dict[str, Any]:
        """Plain data; a NaN becomes None, which JSON can hold."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }
