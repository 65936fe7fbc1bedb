"""Observations of a policy's own episodes, on seeds that no score uses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.policy.policy import Policy

_EPISODES = 16
_MOST = 4_096
"""Observations; of more than that, as many are taken evenly."""
_EXPLORED = 0.1
"""Share of the steps whose action is drawn, not greedy: what is seen once is seen from nearby too."""


def observations_of(policy: Policy, first_seed: int) -> NDArray[Any]:
    """Observations `[M, *obs_shape]` of 16 episodes from `first_seed` on."""
    seen: list[NDArray[Any]] = []
    rng = np.random.default_rng(first_seed)

    def act(obs: NDArray[Any], generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        seen.append(obs)
        outputs = policy.outputs(obs)
        greedy = outputs["action"]
        explored = rng.random((len(greedy), *(1 for _ in greedy.shape[1:]))) < _EXPLORED
        return np.where(explored, policy.draw(outputs, rng), greedy)

    run_episodes(act, policy.env, range(first_seed, first_seed + _EPISODES))
    found = np.concatenate(seen)
    return found if len(found) <= _MOST else found[np.linspace(0, len(found) - 1, _MOST, dtype=int)]
