"""Scoring a policy during training, to know which weights are the best.

Greedy, on Gymnasium's own environment, on a fixed set of seeds that neither training nor the final
evaluation uses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.seeds import FIRST_SELECTION_SEED
from lander_runtime.spec import EnvSpec
from lander_trainer.ppo.distributions import Distribution


def selection_score(
    outputs: Callable[[NDArray[Any]], NDArray[np.float32]],
    distribution: Distribution,
    env: EnvSpec,
    episodes: int,
) -> float:
    """Mean undiscounted return over `episodes` selection episodes of what `outputs` (`[N, p]`) likes best."""
    finished = run_episodes(
        lambda obs, generators: distribution.greedy(outputs(obs)),
        env,
        range(FIRST_SELECTION_SEED, FIRST_SELECTION_SEED + episodes),
    )
    return float(np.mean([episode.return_ for episode in finished]))
