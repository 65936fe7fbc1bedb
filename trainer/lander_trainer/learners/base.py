"""What every learner promises: it owns the weights, gives outputs to act on, and improves them."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import LanderError
from lander_trainer.ppo.rollout import Rollout

if TYPE_CHECKING:  # Worker processes import this file and have no use for PyTorch.
    from torch import Tensor

    from lander_trainer.networks.actor_critic import ActorCritic


class NotFinite(LanderError):
    """A NaN or an infinity appeared; the text names where.

    The learner that raised it is in the middle of an update: nothing may follow but `close`.
    """


class LearningStatistics(NamedTuple):
    """Means over the rows or minibatches of an epoch or of a whole update."""

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clip_fraction: float
    grad_norm: float
    """Euclidean norm of the whole gradient before the actor's and the critic's were limited."""


class UpdateStatistics(NamedTuple):
    """What one update reports."""

    means: LearningStatistics
    explained_variance: float
    """Of the critic before the update."""
    learning_rate: float
    """Of the first epoch."""
    epochs: int
    """Passes done; fewer than asked for where the KL stop ended the update."""


class Learner(Protocol):
    """PPO on one network. A new way to compute is one file here and one entry in `open_learner`."""

    network: "ActorCritic"
    """Always holds the current weights."""

    def forward(self, obs: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """What the networks as they are say of observations `[N, *obs_shape]`.

        Returns:
            The policy's outputs `[N, p]`, overwritten by the next call; and the critic's values `[N]` where
            they cost nothing more, since both learn from one encoder, or None.
        """
        ...

    def update(self, rollout: Rollout, learning_rate: float, rng: np.random.Generator) -> UpdateStatistics:
        """Improve the weights on one rollout.

        Args:
            rollout: T steps of N lanes under the weights as they are.
            learning_rate: of the first epoch.
            rng: shuffles the rows.

        Raises:
            NotFinite: an observation, reward, value, loss or gradient is NaN or infinite.
        """
        ...

    def state(self) -> "dict[str, Tensor]":
        """Copies of the optimiser's tensors, on the CPU, by their names in a checkpoint."""
        ...

    def restore(self, state: "dict[str, Tensor]") -> None:
        """Put back what `state` gave; the weights are restored through `network`."""
        ...

    def close(self) -> None:
        """Let go of what the learner holds beside memory."""
        ...


def check_finite(**arrays: NDArray[Any] | float) -> None:
    """Raise `NotFinite` with the names of those arrays or numbers that hold a NaN or an infinity."""
    broken = [
        name.replace("_", " ")
        for name, array in arrays.items()
        # Whole numbers, as images are made of, always are.
        if np.asarray(array).dtype.kind == "f" and not np.isfinite(array).all()
    ]
    if broken:
        raise NotFinite(", ".join(broken))
