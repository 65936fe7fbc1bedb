"""The interface of a learner: it owns the weights, computes outputs to act on, and updates the weights."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import LanderError
from lander_trainer.ppo.rollout import Rollout

if TYPE_CHECKING:  # Worker processes import this file and do not need PyTorch.
    from torch import Tensor

    from lander_trainer.networks.actor_critic import ActorCritic


class NotFinite(LanderError):
    """A NaN or an infinity appeared; the text says where.

    The learner that raised it is in the middle of an update: only `close` may follow.
    """


class LearningStatistics(NamedTuple):
    """Means over the rows or minibatches of an epoch or of a whole update; as in `losses.LossTerms`."""

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clip_fraction: float
    grad_norm: float
    """Euclidean norm of the whole gradient, before the actor's and the critic's were scaled down."""


class UpdateStatistics(NamedTuple):
    """What one update reports."""

    means: LearningStatistics
    explained_variance: float
    """Of the critic before the update."""
    learning_rate: float
    """Of the first epoch."""
    epochs: int
    """Epochs done; fewer than the setting `epochs` if the KL stop ended the update."""


class Learner(Protocol):
    """PPO on one network. A new learner is one file here and one entry in `open_learner`."""

    network: "ActorCritic"
    """Always holds the current weights."""

    def forward(self, obs: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Outputs of the current networks for observations `[N, *obs_shape]`.

        Returns:
            The policy's outputs `[N, p]`, which the next call may overwrite; and the critic's values `[N]` if
            actor and critic share an encoder, so that they cost nothing more, else None.
        """
        ...

    def update(self, rollout: Rollout, learning_rate: float, rng: np.random.Generator) -> UpdateStatistics:
        """Update the weights with one rollout.

        Args:
            rollout: T steps of N lanes with the current weights, normalised if the settings say so.
            learning_rate: of the first epoch.
            rng: draws the order of the rows.

        Raises:
            NotFinite: an observation, reward, value, loss or gradient is NaN or infinite.
        """
        ...

    def state(self) -> "dict[str, Tensor]":
        """Copies of the optimiser's tensors, on the CPU, by their names in a checkpoint."""
        ...

    def restore(self, state: "dict[str, Tensor]") -> None:
        """Take over what `state` returned; the weights are restored through `network`."""
        ...

    def close(self) -> None:
        """End the processes of the learner, if it has any."""
        ...


def check_finite(**arrays: NDArray[Any] | float) -> None:
    """Check that all arrays and numbers are finite.

    Raises:
        NotFinite: some hold a NaN or an infinity; the message names them.
    """
    broken = [
        name.replace("_", " ")
        for name, array in arrays.items()
        # Integers, such as those of images, always are.
        if np.asarray(array).dtype.kind == "f" and not np.isfinite(array).all()
    ]
    if broken:
        raise NotFinite(", ".join(broken))
