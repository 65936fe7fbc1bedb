"""Small learners, the rollouts that they make, and what can be read off them."""

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lander_trainer import TrainConfig
from lander_trainer.learners import Learner, UpdateStatistics, open_learner
from lander_trainer.learners.kernels import why_unavailable
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.ppo.distributions import Categorical
from lander_trainer.ppo.rollout import Rollout
from trainer_rollouts import config_of, rollout_of

COMPILED = ["compiled"] if why_unavailable() is None else []
"""Nothing where the learner is not compiled; test_kernels.py is skipped then and says why."""
NAMES = [*COMPILED, "handwritten", "autograd"]
SEED = 3


def learner_of(name: str, config: TrainConfig | None = None, *, bold: bool = True) -> Learner:
    """A learner on a network of 2 inputs and 3 actions; `bold` ones are far from uniform."""
    config = dataclasses.replace(config or config_of(), learner=name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = ActorCritic(2, Categorical(3), config.hidden_sizes, config.activation)
    if bold:
        with torch.no_grad():
            network.actor[-1].weight.mul_(100.0)
    return open_learner(config, network)


class RecordingLearner:
    """A learner that also keeps the observations it acted on and the rollouts it was updated with."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self.network = learner.network
        self.acted_on: list[NDArray[Any]] = []
        self.updated_with: list[Rollout] = []

    def forward(self, obs: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        self.acted_on.append(obs.copy())
        return self._learner.forward(obs)

    def update(self, rollout: Rollout, learning_rate: float, rng: np.random.Generator) -> UpdateStatistics:
        self.updated_with.append(rollout)
        return self._learner.update(rollout, learning_rate, rng)

    def state(self) -> dict[str, Tensor]:
        return self._learner.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        self._learner.restore(state)

    def close(self) -> None:
        self._learner.close()


def acted(learner: Learner, **options: Any) -> Rollout:
    """`rollout_of` under the policy of `learner`, as training has it."""
    rollout = rollout_of(**options)
    logits = np.stack([learner.forward(obs)[0].copy() for obs in rollout.obs[:-1]])
    return dataclasses.replace(rollout, outputs=logits)


def update(learner: Learner, rollout: Rollout, rate: float = 0.01, seed: int = SEED) -> UpdateStatistics:
    return learner.update(rollout, rate, np.random.default_rng(seed))


def parameters_of(learner: Learner) -> Tensor:
    return torch.nn.utils.parameters_to_vector(learner.network.parameters()).detach().clone()


def states_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
