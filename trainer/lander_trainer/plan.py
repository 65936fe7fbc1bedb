"""Checks that a configuration can be trained on this machine, and replaces each `auto`."""

from dataclasses import dataclass, replace

import torch

from lander_runtime import envs
from lander_runtime.envs.registry import blamed_on_file
from lander_runtime.errors import MachineLacks, UsageError
from lander_runtime.spec import EnvSpec, Space
from lander_simulator import why_unavailable
from lander_trainer.backends import choose_backend, choose_workers, fits_native, takes_native
from lander_trainer.config import TrainConfig
from lander_trainer.learners import choose_critic_process, choose_learner
from lander_trainer.memory import check_memory, rollout_bytes
from lander_trainer.networks.actor_critic import misfit
from lander_trainer.networks.encoder import is_image


@dataclass(frozen=True)
class TrainingPlan:
    """A configuration that can be trained on this machine, with its environment and spaces."""

    config: TrainConfig
    """Without `auto`: backend, workers, device, learner and critic_process are those that run."""
    env: EnvSpec
    """The environment that the policy is scored in."""
    shaped_env: EnvSpec
    """The environment that it is trained in: the same, with the configuration's shaping."""
    observation: Space
    action: Space
    note: str | None = None
    """For the user: why `auto` did not take the simulator although it has the environment."""

    @property
    def observation_bytes(self) -> int:
        """Bytes of the observations of one rollout."""
        return rollout_bytes(self.config, self.observation)


def plan_training(config: TrainConfig) -> TrainingPlan:
    """Check that `config` can be trained on this machine, and replace each `auto` by its value here.

    Builds the environment once, and once more with its shaping if it has one.

    Raises:
        UsageError: the environment is unknown, was replaced, or has spaces that do not fit.
        MachineLacks: the backend, the device or the memory is missing.
    """
    env, shaped = resolved(config), shaped_env(config)
    observation, action = check_trainable(env, config)
    if shaped != env and check_trainable(shaped, config) != (observation, action):
        raise UsageError(f"shaping {dict(config.shaping)} changes the observations or actions of {env.id}.")
    backend = choose_backend(config.backend, shaped, observation, action)
    note = None
    if config.backend == "auto" and backend != "native" and fits_native(shaped):
        note = f"Training on {backend}, many times slower than the simulator: {why_unavailable()}."
    workers = choose_workers(config.workers, backend, shaped, config.lanes)
    config = replace(
        config, backend=backend, workers=workers, device=choose_device(config, observation, action)
    )
    check_memory(config, observation)
    config = replace(config, learner=choose_learner(config, observation, action))
    config = replace(config, critic_process=choose_critic_process(config))
    _check_selection(config)
    _check_level_replay(config, shaped)
    return TrainingPlan(config, env, shaped, observation, action, note)


def trains_natively(config: TrainConfig) -> bool:
    """Whether the simulator steps the environments of `config` here; raises like `envs.resolve`."""
    return config.backend == "native" or (config.backend == "auto" and takes_native(shaped_env(config)))


def prepare(config: TrainConfig) -> TrainConfig:
    """`config` without `auto`, as in `plan_training`; raises like it."""
    return plan_training(config).config


def observation_bytes(config: TrainConfig) -> int:
    """Bytes of the observations of one rollout; raises like `plan_training`."""
    return plan_training(config).observation_bytes


def resolved(config: TrainConfig) -> EnvSpec:
    """The spec of the environment that `config` trains for; raises like `envs.resolve`."""
    return _limited(config, envs.resolve(config.env, config.env_kwargs, config.env_wrappers))


def shaped_env(config: TrainConfig) -> EnvSpec:
    """The spec of the environment that `config` trains in: the same, with its shaping; raises likewise."""
    shaped = {**config.env_kwargs, **config.shaping}
    return _limited(config, envs.resolve(config.env, shaped, config.env_wrappers))


def _limited(config: TrainConfig, env: EnvSpec) -> EnvSpec:
    limit = config.max_episode_steps
    return env if limit is None else replace(env, max_episode_steps=limit)


def check_trainable(env: EnvSpec, config: TrainConfig | None = None) -> tuple[Space, Space]:
    """Check that this trainer can learn in `env`, with the network of `config`, and return its spaces.

    Raises:
        UsageError: the observations are neither vectors nor images, or policies cannot have such a space.
        InputRefused: the same of an environment that a file names.
    """
    with blamed_on_file(env):
        return _trainable(env, config)


def _trainable(env: EnvSpec, config: TrainConfig | None) -> tuple[Space, Space]:
    probe = envs.make(env)
    observation, action = envs.describe_spaces(probe)
    probe.close()
    reason = misfit(observation, action, 1 if config is None else len(config.channels))
    if reason is not None:
        raise UsageError(f"{env.id} has {reason}.")
    if config is not None and config.normalize_observations and is_image(observation):
        raise UsageError(
            f"{env.id} has images, which are always scaled to the range from 0 to 1; "
            "leave normalize_observations out."
        )
    return observation, action


def _check_selection(config: TrainConfig) -> None:
    """Selections in the simulator go with training in it."""
    if config.selection_backend == "gymnasium":
        return
    if config.backend != "native":
        raise UsageError(
            f"selection_backend is native, but backend is {config.backend}. Set selection_backend=gymnasium."
        )


def _check_level_replay(config: TrainConfig, env: EnvSpec) -> None:
    if config.level_replay == 0:
        return
    if config.backend != "native":
        raise UsageError(f"level_replay needs backend native, but backend is {config.backend}.")
    if env.reward_threshold is None:
        raise UsageError(f"level_replay needs a reward threshold, and {env.id} is registered without one.")


def choose_device(config: TrainConfig, observation: Space, action: Space | None = None) -> str:
    """The device that `config.device` (`auto`, `cpu` or `cuda`) means on this machine.

    `auto` takes the CPU where a compiled or handwritten learner is used, as Stable-Baselines3 advises for PPO
    without convolutions (its pull request 2017): for layers this small, launching the work on a GPU at every
    step probably takes longer than the work. Everything else runs on CUDA if PyTorch has a device.

    Raises:
        MachineLacks: `config.device` is `cuda`, and PyTorch has no such device.
        UsageError: as `choose_learner`.
    """
    has_cuda = torch.cuda.is_available()
    if config.device == "cuda" and not has_cuda:
        raise MachineLacks(
            "PyTorch finds no CUDA device. Install a CUDA build of torch, or use --device cpu."
        )
    if config.device != "auto":
        return config.device
    learner = choose_learner(replace(config, device="cpu"), observation, action)
    return "cuda" if has_cuda and learner == "autograd" else "cpu"
