"""Learners compute PPO's updates. Public entry: `open_learner`.

base.py         the interface
autograd.py     in PyTorch: any network, CPU or CUDA
handwritten.py  with gradients by hand, the fastest for small networks on a CPU
fits.py         its updates of actor and critic: what they share
compiled.py     the same in C++
numpy_fits.py   the same in NumPy
kernels/        the C++
perceptron.py   a multilayer perceptron, forward and backward by hand, in NumPy
adam.py         Adam on one vector, in NumPy
flat.py         all parameters of a PyTorch network in one vector
layout.py       where each parameter lies in such a vector
"""

from typing import TYPE_CHECKING

from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.spec import Space
from lander_runtime.workers.cores import available_cores
from lander_trainer.config import TrainConfig
from lander_trainer.learners.base import (
    Learner,
    LearningStatistics,
    NotFinite,
    UpdateStatistics,
    check_finite,
)
from lander_trainer.learners.kernels.library import sources_digest, why_unavailable
from lander_trainer.learners.perceptron import HANDWRITTEN_ACTIVATIONS

if TYPE_CHECKING:  # A learner is imported when it is opened: worker processes need no PyTorch.
    from lander_trainer.networks.actor_critic import ActorCritic

__all__ = [
    "Learner",
    "LearningStatistics",
    "NotFinite",
    "UpdateStatistics",
    "check_finite",
    "choose_critic_process",
    "choose_learner",
    "learner_versions",
    "open_learner",
]


_ROWS_WORTH_A_PROCESS = 8192
"""Rows that an update visits, all epochs together, from which a process for the critic saves time. Starting
it takes a third of a second, and its data is sent through a pipe."""


def choose_learner(config: TrainConfig, observation: Space, action: Space | None = None) -> str:
    """The learner that `config` means for these spaces; its `device` must not be `auto`.

    Without `action`, for actions that every learner can learn.

    Raises:
        UsageError: `config` names a learner that cannot train with the other settings.
        MachineLacks: `config` names the compiled learner, and that is not compiled here.
    """
    refusal = None
    if config.device != "cpu":
        refusal = "computes on the CPU"
    elif config.network is not None:
        refusal = "knows its own layers, not a network of yours"
    elif config.activation not in HANDWRITTEN_ACTIVATIONS:
        refusal = f"knows the activations {' and '.join(HANDWRITTEN_ACTIVATIONS)}"
    elif len(observation.shape) != 1:
        refusal = "takes vectors, not images"
    elif action is not None and action.type == "MultiDiscrete":
        refusal = "has gradients for Discrete and Box actions, not for MultiDiscrete ones"
    if config.learner == "autograd" or (config.learner == "auto" and refusal is not None):
        return "autograd"
    if refusal is not None:
        raise UsageError(f"The {config.learner} learner {refusal}. Use learner=autograd.")
    if config.learner == "handwritten":
        return "handwritten"
    missing = why_unavailable()
    if missing is None:
        return "compiled"
    if config.learner == "compiled":
        raise MachineLacks(f"learner=compiled: {missing}. Or use learner=handwritten.")
    return "handwritten"


def choose_critic_process(config: TrainConfig) -> str:
    """Whether the critic learns beside the actor, `yes` or `no`; the learner must not be `auto`."""
    if config.learner == "autograd":
        return "no"
    if config.critic_process != "auto":
        return config.critic_process
    if config.learner == "compiled":
        return "yes" if available_cores() > 1 else "no"
    visits = config.epochs * config.lanes * config.rollout_steps
    return "yes" if available_cores() > 1 and visits >= _ROWS_WORTH_A_PROCESS else "no"


def learner_versions(name: str) -> dict[str, str]:
    """What decides the bits of the learner `name`, beside packages and kernels: a digest of its sources."""
    return {"lander-learner": sources_digest()} if name == "compiled" else {}


def open_learner(config: TrainConfig, network: "ActorCritic") -> Learner:
    """A learner that trains `network`; nothing in `config` may be `auto`."""
    if config.learner != "autograd":
        from lander_trainer.learners.handwritten import HandwrittenLearner

        return HandwrittenLearner(network, config)
    import torch

    from lander_trainer.learners.autograd import AutogradLearner

    return AutogradLearner(network.to(torch.device(config.device)), config)
