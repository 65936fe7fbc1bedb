"""Stable-Baselines3's PPO with a CNN as a contender of `doom_speed.py`; one JSON object on stdout.

    PYTHONPATH=runtime .bench-venv/bin/python benchmarks/peers/stable_baselines_doom.py sb3 VizdoomBasic-v1
        --steps 20_000 --settings '{...}'

`sb3` has the settings of RL Baselines3 Zoo for Atari (hyperparams/ppo.yml) with 16 environments; `sb3-alike`
takes network, epochs, rollout and minibatches from `--settings`, which are lander's.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import SubprocVecEnv
from torch import Tensor, nn

from lander_runtime import envs
from lander_runtime.spec import WrapperSpec
from measure import publish, versions

ZOO: dict[str, Any] = {
    "n_steps": 128,
    "n_epochs": 4,
    "batch_size": 256,
    "learning_rate": 2.5e-4,
    "clip_range": 0.1,
    "vf_coef": 0.5,
    "ent_coef": 0.01,
}

KERNELS_AND_STRIDES = ((8, 4), (4, 2), (3, 1))


class Watch(BaseCallback):
    """Starts the clock before the first step."""

    def _on_training_start(self) -> None:
        self.started = time.perf_counter()

    def _on_step(self) -> bool:
        return True


class Encoder(BaseFeaturesExtractor):
    """Lander's encoder with lander's settings."""

    def __init__(self, observation_space: gymnasium.spaces.Box, channels: list[int], size: int) -> None:
        super().__init__(observation_space, size)
        layers: list[nn.Module] = []
        inputs = observation_space.shape[0]
        for outputs, (kernel, stride) in zip(channels, KERNELS_AND_STRIDES, strict=False):
            layers += [nn.Conv2d(inputs, outputs, kernel, stride), nn.ReLU()]
            inputs = outputs
        convolutions = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            flat = convolutions(torch.zeros((1, *observation_space.shape))).shape[1]
        self.layers = nn.Sequential(convolutions, nn.Linear(flat, size), nn.ReLU())

    def forward(self, observations: Tensor) -> Tensor:
        return self.layers(observations)


class FramesAsChannels(gymnasium.ObservationWrapper[Any, Any, Any]):
    """Colour frames `[frames, height, width, colours]` in the only layout that this library takes.

    Lander's encoder does the same in the trainer's process: every colour of every frame is a channel.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        frames, height, width, colours = env.observation_space.shape or ()
        self._shape = (frames * colours, height, width)
        self.observation_space = gymnasium.spaces.Box(0, 255, self._shape, np.uint8)

    def observation(self, observation: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.moveaxis(observation, -1, 1).reshape(self._shape)


def build(
    env_id: str, kwargs: dict[str, Any], wrappers: list[dict[str, Any]] | None
) -> gymnasium.Env[Any, Any]:
    """One environment, in the process that steps it."""
    named = None if wrappers is None else tuple(WrapperSpec(**wrapper) for wrapper in wrappers)
    env = envs.make(envs.resolve(env_id, kwargs, named))
    return FramesAsChannels(env) if len(env.observation_space.shape or ()) == 4 else env


def alike(settings: dict[str, Any]) -> dict[str, Any]:
    """Lander's settings under the names of Stable-Baselines3."""
    rows = settings["lanes"] * settings["rollout_steps"]
    return {
        "n_steps": settings["rollout_steps"],
        "n_epochs": settings["epochs"],
        "batch_size": -(-rows // settings["minibatches"]),
        "learning_rate": settings["learning_rate"],
        "policy_kwargs": {
            "features_extractor_class": Encoder,
            "features_extractor_kwargs": {
                "channels": settings["channels"],
                "size": settings["hidden_sizes"][-1],
            },
            "net_arch": [],
        },
    }


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=("sb3", "sb3-alike"))
    parser.add_argument("env")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settings", type=json.loads, required=True)
    options = parser.parse_args()
    settings = options.settings
    kwargs = {**settings["env_kwargs"], **settings["shaping"]}
    makers: list[Callable[[], Any]] = [
        partial(build, options.env, kwargs, settings.get("env_wrappers"))
    ] * settings["lanes"]
    lanes = SubprocVecEnv(makers, start_method="spawn")
    chosen = ZOO if options.contender == "sb3" else alike(settings)
    model = PPO("CnnPolicy", lanes, **chosen, seed=options.seed, device="cpu")
    watch = Watch()
    model.learn(options.steps, callback=watch)
    seconds = time.perf_counter() - watch.started
    lanes.close()
    publish(
        {
            "steps": model.num_timesteps,
            "seconds": seconds,
            "observation": list(lanes.observation_space.shape or ()),
            "steps_per_second": model.num_timesteps / seconds,
            "versions": versions("stable_baselines3", "torch", "gymnasium", "vizdoom"),
        }
    )


if __name__ == "__main__":
    main()
