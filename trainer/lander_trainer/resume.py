"""The environments of a run: where a checkpoint left them if flying there leads there, else at new episodes.

Apart from the training loop, which does not ask how they came to where they are.
"""

from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.spec import EnvSpec
from lander_runtime.versions import installed_versions, platform_name, training_packages
from lander_trainer.backends import Backend, RestorableBackend, open_backend
from lander_trainer.config import TrainConfig
from lander_trainer.ppo.distributions import Distribution
from lander_trainer.ppo.rollout import Collector
from lander_trainer.runs.checkpoint import Checkpoint


class Environments(NamedTuple):
    """Open environments and what collects experience in them."""

    backend: Backend
    collector: Collector
    restored: bool
    """They stand where the checkpoint left them."""


def open_environments(
    config: TrainConfig,
    env: EnvSpec,
    rng: np.random.Generator,
    distribution: Distribution,
    checkpoint: Checkpoint | None,
    closing: ExitStack,
) -> Environments:
    """Open the environments of a run.

    Args:
        config: backend, lanes, workers, T and the seed, completed by `prepare`.
        env: what to make.
        rng: draws the actions.
        distribution: what they are drawn from.
        checkpoint: where to go on; None at the start of a run.
        closing: what is opened here is closed with it.

    Raises:
        InputRefused: the checkpoint claims a state that is none.
    """
    if checkpoint is not None and _can_repeat_episodes(checkpoint, config):
        restored = _restore(config, env, rng, distribution, checkpoint, closing)
        if restored is not None:
            return restored
    done = 0 if checkpoint is None else checkpoint.progress.updates
    # New episodes of a resumed run must not be those of the run's start again.
    fresh = np.random.SeedSequence([config.seed, done]).generate_state(1)[0] >> 1
    backend = open_backend(config.backend, env, config.lanes, int(fresh), config.workers)
    closing.callback(backend.close)
    collector = Collector(backend, backend.reset(), config.rollout_steps, rng, distribution)
    return Environments(backend, collector, restored=False)


def _can_repeat_episodes(checkpoint: Checkpoint, config: TrainConfig) -> bool:
    """Whether `checkpoint` holds episodes, and what flew them is what would fly them here."""
    packages = training_packages(config.env)
    here = installed_versions(*packages)
    return (
        bool(checkpoint.arrays("lanes"))
        and checkpoint.config.backend == config.backend
        and checkpoint.platform == platform_name()
        and all(checkpoint.versions.get(name) == here.get(name) for name in packages)
    )


def _restore(
    config: TrainConfig,
    env: EnvSpec,
    rng: np.random.Generator,
    distribution: Distribution,
    checkpoint: Checkpoint,
    closing: ExitStack,
) -> Environments | None:
    """The environments where the checkpoint left them; None where flying there led elsewhere.

    It does with an environment that keeps something across resets.
    """
    lanes, remembered = checkpoint.arrays("lanes"), checkpoint.arrays("collector")
    with ExitStack() as opened:
        backend = open_backend(config.backend, env, config.lanes, _read_seed(lanes), config.workers)
        opened.callback(backend.close)
        if not isinstance(backend, RestorableBackend):
            return None
        obs, ended = backend.restore(lanes)
        collector = Collector(backend, obs, config.rollout_steps, rng, distribution)
        collector.restore(remembered)
        # A checkpoint of an older version does not have the observations.
        arrived = np.array_equal(remembered.get("obs", obs), obs, equal_nan=True)
        if not (arrived and np.array_equal(remembered["ended"], ended)):
            return None
        closing.push(opened.pop_all())
    return Environments(backend, collector, restored=True)


def _read_seed(lanes: dict[str, NDArray[Any]]) -> int:
    seed = lanes.get("seed")
    if seed is None or seed.shape != () or seed.dtype.kind not in "iu" or seed < 0:
        raise InputRefused("The seed of the environments is missing or broken.")
    return int(seed)
