"""The actor-critic: two multilayer perceptrons, separate for vectors, with a shared encoder for images.

Initialisation (Andrychowicz et al. 2021, C57): orthogonal weights, zero biases, with the gain

    hidden layers          sqrt(2)
    last layer of actor    0.01     the first policy is nearly uniform, so it explores
    last layer of critic   1
    log std of a Gaussian  0        the first policy samples around 0 with standard deviation 1
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lander_runtime.spec import DTYPES, Space
from lander_trainer.networks.encoder import image_misfit, is_image
from lander_trainer.networks.layers import multilayer_perceptron
from lander_trainer.ppo.distributions import Distribution, Gaussian


class ActorCritic(nn.Module):
    """An actor and a critic; for images both take the features of one encoder.

    The state dict has the keys `actor.0.weight`, `actor.0.bias`, `actor.2.weight`, ... and the same
    for `critic`: linear layers at even positions, activations between them. The log standard deviations of a
    Gaussian are the parameter `actor_log_std`, which does not depend on the observation. For images there is
    `encoder` too (`encoder.py`); both share it because it takes most of the time.

    Learners use `outputs`, `values`, a call for both at once, `distribution`, and the names of parameters:
    those of the actor begin with `actor`.
    """

    actor_log_std: nn.Parameter | None

    def __init__(
        self,
        obs_size: int,
        distribution: Distribution,
        hidden_sizes: Sequence[int],
        activation: str,
        encoder: nn.Module | None = None,
    ) -> None:
        """Make the layers.

        Args:
            obs_size: numbers in an observation, or in the features of `encoder`.
            distribution: over the actions.
            hidden_sizes: widths of the hidden layers, the same for actor and critic.
            activation: a key of `layers.ACTIVATIONS`.
            encoder: `[B, *obs_shape]` -> `[B, obs_size]`; None for vectors.
        """
        super().__init__()
        self.distribution = distribution
        outputs = distribution.size
        self.encoder = encoder
        self.actor = multilayer_perceptron([obs_size, *hidden_sizes, outputs], activation, last_gain=0.01)
        self.critic = multilayer_perceptron([obs_size, *hidden_sizes, 1], activation, last_gain=1.0)
        continuous = isinstance(distribution, Gaussian)
        self.actor_log_std = nn.Parameter(torch.zeros(outputs)) if continuous else None

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """`outputs` and `values` of the same observations, encoded once."""
        features = self._features(obs)
        return self._outputs(features), self._values(features)

    def outputs(self, obs: Tensor) -> Tensor:
        """The policy's outputs `[B, p]`, as `distribution` reads them, for observations `[B, *obs_shape]`."""
        return self._outputs(self._features(obs))

    def values(self, obs: Tensor) -> Tensor:
        """Expected discounted return `[B]`, in scaled rewards, for observations `[B, *obs_shape]`."""
        return self._values(self._features(obs))

    @property
    def is_shared(self) -> bool:
        """Whether actor and critic have parameters in common."""
        return self.encoder is not None

    def policy(self) -> nn.Module:
        """The module that computes logits or means `[B, size]` from observations, without the critic."""
        return self.actor if self.encoder is None else nn.Sequential(self.encoder, self.actor)

    def _features(self, obs: Tensor) -> Tensor:
        return obs.float() if self.encoder is None else self.encoder(obs)

    def _outputs(self, features: Tensor) -> Tensor:
        outputs = self.actor(features)
        if self.actor_log_std is None:
            return outputs
        return torch.cat([outputs, self.actor_log_std.expand_as(outputs)], dim=-1)

    def _values(self, features: Tensor) -> Tensor:
        return self.critic(features).squeeze(-1)


def misfit(observation: Space, action: Space, convolutions: int = 1) -> str | None:
    """Why no network here fits these spaces, to follow "CarRacing-v3 has"; None if one does.

    `convolutions` is the number of layers that images would go through.
    """
    if observation.dtype not in DTYPES:
        return f"observations of {observation.dtype}; this trainer takes {', '.join(DTYPES)}"
    if is_image(observation):
        reason = image_misfit(observation, convolutions)
        if reason is not None:
            return reason
    elif len(observation.shape) != 1 or not observation.shape[0]:
        return (
            f"observations of {observation.dtype} {list(observation.shape)}; this trainer takes vectors, and "
            "images of uint8"
        )
    if action.type == "Box" and (action.dtype != "float32" or 0 in action.shape):
        return f"actions of {action.dtype} {list(action.shape)}; this trainer's are float32, one or more"
    return None
