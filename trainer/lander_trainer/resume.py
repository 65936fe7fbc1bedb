"""Resuming a run: which settings may change, and environments back in the state of the checkpoint.

Gymnasium's environments repeat their recorded actions, and the simulator takes its state back. Where that
does not lead to the observations in the checkpoint, they start new episodes. Separate from the training loop,
for which it makes no difference.
"""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.versions import installed_versions, platform_name, training_packages
from lander_trainer.backends import Backend, RestorableBackend, backend_versions, open_backend
from lander_trainer.config import CHANGES_NO_RESULT, TrainConfig
from lander_trainer.ppo.distributions import Distribution
from lander_trainer.ppo.rollout import Collector
from lander_trainer.runs.checkpoint import Checkpoint

FREE_ON_RESUME = (
    *CHANGES_NO_RESULT,
    "steps",
    "time_limit",
    "backend",
    "device",
    "threads",
    "learner",
    "selection_backend",
)
"""Settings that a resumed run may change."""


def check_continues(
    checkpoint: Checkpoint, config: TrainConfig, spaces: tuple[Space, Space], path: Path
) -> None:
    """Check that a run with `config` may continue from `checkpoint`.

    Args:
        checkpoint: what was read from `path`.
        config: the settings of the resumed run.
        spaces: observation and action space of its environment.
        path: the checkpoint's file, for messages.

    Raises:
        UsageError: a setting that must stay has changed.
        InputRefused: the environment now has other spaces.
    """
    free = {name: getattr(config, name) for name in FREE_ON_RESUME}
    if replace(checkpoint.config, **free) != config:
        raise UsageError(
            "A resumed run keeps the settings it was started with; only "
            f"{', '.join(sorted(FREE_ON_RESUME))} may change."
        )
    if [space.form for space in spaces] != [checkpoint.observation.form, checkpoint.action.form]:
        raise InputRefused(f"{path}: its spaces are not those of {config.env} as it is installed here.")


class Environments(NamedTuple):
    """Open environments and the collector that gathers rollouts in them."""

    backend: Backend
    collector: Collector
    restored: bool
    """The environments are in the state of the checkpoint."""


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
        config: backend, lanes, workers, T and the seed, without `auto` (`plan_training`).
        env: the environment to make.
        rng: draws the actions.
        distribution: of the actions.
        checkpoint: where to continue; None at the start of a run.
        closing: closes what is opened here.

    Raises:
        InputRefused: the state of the environments in the checkpoint is damaged.
    """
    if checkpoint is not None and _can_repeat_episodes(checkpoint, config):
        restored = _restore(config, env, rng, distribution, checkpoint, closing)
        if restored is not None:
            return restored
    done = 0 if checkpoint is None else checkpoint.progress.updates
    # The new episodes of a resumed run must not be those of the run's start again.
    fresh = np.random.SeedSequence([config.seed, done]).generate_state(1)[0] >> 1
    backend = _open(config, env, int(fresh))
    closing.callback(backend.close)
    collector = Collector(backend, backend.reset(), config.rollout_steps, rng, distribution)
    return Environments(backend, collector, restored=False)


def _open(config: TrainConfig, env: EnvSpec, seed: int) -> Backend:
    return open_backend(config.backend, env, config.lanes, seed, config.workers, config.level_replay)


def _can_repeat_episodes(checkpoint: Checkpoint, config: TrainConfig) -> bool:
    """Whether `checkpoint` has recorded episodes, and backend, platform and versions here are the same."""
    packages = training_packages(config.env)
    its = backend_versions(config.backend)
    here = {**installed_versions(*packages), **its}
    return (
        bool(checkpoint.arrays("lanes"))
        and checkpoint.config.backend == config.backend
        and checkpoint.platform == platform_name()
        and all(checkpoint.versions.get(name) == here.get(name) for name in (*packages, *its))
    )


def _restore(
    config: TrainConfig,
    env: EnvSpec,
    rng: np.random.Generator,
    distribution: Distribution,
    checkpoint: Checkpoint,
    closing: ExitStack,
) -> Environments | None:
    """The environments in the state of the checkpoint; None where the recorded actions led elsewhere.

    They do so in an environment that keeps state across resets.
    """
    lanes, collected = checkpoint.arrays("lanes"), checkpoint.arrays("collector")
    with ExitStack() as opened:
        backend = _open(config, env, _read_seed(lanes))
        opened.callback(backend.close)
        if not isinstance(backend, RestorableBackend):
            return None
        obs, ended = backend.restore(lanes)
        collector = Collector(backend, obs, config.rollout_steps, rng, distribution)
        collector.restore(collected)
        # A checkpoint of an older version does not have the observations.
        arrived = np.array_equal(collected.get("obs", obs), obs, equal_nan=True)
        if not (arrived and np.array_equal(collected["ended"], ended)):
            return None
        closing.push(opened.pop_all())
    return Environments(backend, collector, restored=True)


def _read_seed(lanes: dict[str, NDArray[Any]]) -> int:
    seed = lanes.get("seed")
    if seed is None or seed.shape != () or seed.dtype.kind not in "iu" or seed < 0:
        raise InputRefused("The seed of the environments is missing or broken.")
    return int(seed)
