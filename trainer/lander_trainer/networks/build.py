"""Makes the network for a configuration and two spaces."""

import torch

from lander_runtime.spec import Space
from lander_trainer.config import TrainConfig
from lander_trainer.networks.actor_critic import ActorCritic
from lander_trainer.networks.custom import custom_network
from lander_trainer.networks.encoder import ImageEncoder, is_image
from lander_trainer.ppo.distributions import distribution_of
from lander_trainer.threads import cpu_threads

_INITIALISATION_THREADS = 2
"""The QR decomposition of the orthogonal initialisation rounds differently with another number of threads. So
it always uses this number, whatever the settings and the caller's own number."""


def build_network(observation: Space, action: Space, config: TrainConfig) -> ActorCritic:
    """A newly initialised actor-critic for these spaces, which must pass `misfit`.

    The weights depend on `config.seed` and the layers' sizes only; those of a module of the user's own are as
    it was given. A new kind of network is one file and a case here and in `misfit`.

    Raises:
        UsageError: a network of the user's own was not given, or does not compute what it must.
    """
    with torch.random.fork_rng(devices=[]), cpu_threads(_INITIALISATION_THREADS):
        torch.manual_seed(config.seed)
        distribution = distribution_of(action)
        if config.network is not None:
            return custom_network(config.network, observation.shape, distribution)
        if not is_image(observation):
            return ActorCritic(observation.shape[0], distribution, config.hidden_sizes, config.activation)
        encoder = ImageEncoder(observation.shape, config.channels, config.hidden_sizes, config.activation)
        return ActorCritic(encoder.size, distribution, (), config.activation, encoder)
