"""Scoring a network during training, to know which weights are the best.

Greedy, on Gymnasium's own environment, on a fixed set of seeds that neither training nor the final
evaluation uses.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lander_runtime.episodes import run_episodes
from lander_runtime.spec import EnvSpec
from lander_trainer.config import SEEDS
from lander_trainer.network import ActorCritic


def selection_score(network: ActorCritic, env: EnvSpec, episodes: int) -> float:
    """Mean undiscounted return of the greedy policy over `episodes` selection episodes."""
    device = next(network.parameters()).device

    def act(obs: NDArray[Any], generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        with torch.inference_mode():
            return network.logits(torch.from_numpy(obs).to(device)).argmax(-1).cpu().numpy()

    finished = run_episodes(act, env, range(SEEDS, SEEDS + episodes))
    return float(np.mean([episode.return_ for episode in finished]))
