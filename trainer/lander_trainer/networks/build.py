"""Makes the network for a configuration and two spaces."""

import torch

from lander_runtime.spec import Space
from lander_trainer.config import TrainConfig
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.networks.encoder import ImageEncoder, is_image
from lander_trainer.ppo.distributions import distribution_of
from lander_trainer.threads import cpu_threads

_INITIALISATION_THREADS = 2
"""The QR decomposition of the orthogonal initialisation rounds differently with another number of threads. So
it always uses this number, whatever the settings and the caller's own number."""


def build_network(observation: Space, action: Space, config: TrainConfig) -> ActorCritic:
    """A newly initialised actor-critic for these spaces, which must pass `misfit`.

    The weights depend on `config.seed` and the layers' sizes only. A new kind of network is one file and a
    case here and in `misfit`.
    """
    with torch.random.fork_rng(devices=[]), cpu_threads(_INITIALISATION_THREADS):
        torch.manual_seed(config.seed)
        distribution = distribution_of(action)
        if not is_image(observation):
            return ActorCritic(observation.shape[0], distribution, config.hidden_sizes, config.activation)
        encoder = ImageEncoder(observation.shape, config.channels, config.hidden_sizes, config.activation)
        return ActorCritic(encoder.size, distribution, (), config.activation, encoder)
