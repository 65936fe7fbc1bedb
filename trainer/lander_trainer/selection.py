"""Selection: scores the policy during training, to find the best weights.

Greedy, on a fixed set of seeds that neither training nor the final evaluation uses: in Gymnasium's own
environment, or in the simulator, where the same episodes cost a fiftieth.
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
    backend: str = "gymnasium",
) -> float:
    """Mean undiscounted return of the greedy policy over the selection episodes.

    Args:
        outputs: the policy, observations `[N, *obs_shape]` -> outputs `[N, p]`.
        distribution: over the actions, given the outputs.
        env: the environment, without shaping.
        episodes: how many, from the seed FIRST_SELECTION_SEED on.
        backend: `gymnasium` or `native`.
    """
    seeds = range(FIRST_SELECTION_SEED, FIRST_SELECTION_SEED + episodes)
    if backend == "native":
        from lander_trainer.backends.native import native_returns

        return float(native_returns(lambda obs: distribution.greedy(outputs(obs)), env, seeds).mean())
    finished = run_episodes(lambda obs, generators: distribution.greedy(outputs(obs)), env, seeds)
    return float(np.mean([episode.return_ for episode in finished]))
