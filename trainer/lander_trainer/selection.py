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


def reaches(score: float | None, target: float | None) -> bool:
    """Whether a selection score is the target or better."""
    return score is not None and target is not None and score >= target


def is_best(score: float | None, best_before: float | None) -> bool:
    """Whether weights with this selection score take the place of the best so far."""
    if score is None:
        return False
    # Of equal scores the later: where a score has a maximum, the first weights that reach it may still be
    # unreliable (the first of a CartPole run to balance 32 selection episodes failed in 1 of 100 others).
    return best_before is None or score >= best_before
