"""Scoring a policy during training, to know which weights are the best.

Greedy, on Gymnasium's own environment, on a fixed set of seeds that neither training nor the final
evaluation uses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes import run_episodes
from lander_runtime.spec import EnvSpec
from lander_trainer.config import FIRST_SELECTION_SEED


def selection_score(
    logits: Callable[[NDArray[Any]], NDArray[np.float32]], env: EnvSpec, episodes: int
) -> float:
    """Mean undiscounted return over `episodes` selection episodes of what `logits` (`[N, n]`) likes best."""
    finished = run_episodes(
        lambda obs, generators: logits(obs).argmax(-1),
        env,
        range(FIRST_SELECTION_SEED, FIRST_SELECTION_SEED + episodes),
    )
    return float(np.mean([episode.return_ for episode in finished]))
