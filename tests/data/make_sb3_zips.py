"""Writes sb3/*.zip, sb3/*.pkl and sb3/predictions.npz beside itself: checkpoints of Stable-Baselines3.

    pip install stable-baselines3 sb3-contrib 'gymnasium[box2d]'
    python tests/data/make_sb3_zips.py [FOLDER]

lander is not used here: the actions in predictions.npz are what the models' own `predict(deterministic=True)`
says of 1,000 observations, so a test that compares with them compares with the authors of the files. Each
model learns for a few steps, which fills in what a trained file has, and is then given larger random weights:
actions of an untrained policy are all nearly the same. Every zip is packed again with compression, because
most of it is text.
"""

import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import QRDQN, TQC, TRPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn

SEED = 20_250_114
OBSERVATIONS = 1_000
IMAGE = (36, 36, 3)
"""The smallest picture that NatureCNN takes."""

ON_POLICY: dict[str, Any] = {"n_steps": 16, "seed": SEED, "device": "cpu"}
OFF_POLICY: dict[str, Any] = {"buffer_size": 200, "learning_starts": 10, "seed": SEED, "device": "cpu"}

Model = Callable[[], BaseAlgorithm]


class Pictures(gymnasium.Env[NDArray[np.uint8], Any]):
    """Random pictures, no reward: only the spaces count."""

    def __init__(self, action_space: gymnasium.Space[Any]) -> None:
        self.observation_space = gymnasium.spaces.Box(0, 255, IMAGE, np.uint8)
        self.action_space = action_space

    def reset(
        self, *, seed: int | None = None, options: Any = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, True, {}


class Doubled(nn.Module):
    """An activation of somebody's own."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return 2.0 * torch.tanh(values)


def discrete_pictures() -> gymnasium.Env[Any, Any]:
    return Pictures(gymnasium.spaces.Discrete(3))


def continuous_pictures() -> gymnasium.Env[Any, Any]:
    return Pictures(gymnasium.spaces.Box(np.array([-1, 0], np.float32), np.array([3, 1], np.float32)))


def net(**more: Any) -> dict[str, Any]:
    """Two layers of 8; a new dictionary each time, because the models write into theirs."""
    return {"net_arch": [8, 8], **more}


def small_cnn() -> dict[str, Any]:
    return {"net_arch": [8], "features_extractor_kwargs": {"features_dim": 8}}


SDE = {"use_sde": True}
MODELS: dict[str, Model] = {
    "ppo-LunarLander": lambda: PPO("MlpPolicy", "LunarLander-v3", policy_kwargs=net(), **ON_POLICY),
    "ppo-Pendulum": lambda: PPO("MlpPolicy", "Pendulum-v1", policy_kwargs=net(), **ON_POLICY),
    "a2c-relu-CartPole": lambda: A2C(
        "MlpPolicy", "CartPole-v1", policy_kwargs=net(activation_fn=nn.ReLU), **ON_POLICY
    ),
    "a2c-sde-Pendulum": lambda: A2C("MlpPolicy", "Pendulum-v1", policy_kwargs=net(), **SDE, **ON_POLICY),
    "ppo-sde-squashed-Pendulum": lambda: PPO(
        "MlpPolicy", "Pendulum-v1", policy_kwargs=net(squash_output=True), **SDE, **ON_POLICY
    ),
    "trpo-LunarLanderContinuous": lambda: TRPO(
        "MlpPolicy", "LunarLanderContinuous-v3", policy_kwargs=net(), **ON_POLICY
    ),
    "dqn-LunarLander": lambda: DQN("MlpPolicy", "LunarLander-v3", policy_kwargs=net(), **OFF_POLICY),
    "qrdqn-CartPole": lambda: QRDQN(
        "MlpPolicy", "CartPole-v1", policy_kwargs=net(n_quantiles=5), **OFF_POLICY
    ),
    "sac-Pendulum": lambda: SAC("MlpPolicy", "Pendulum-v1", policy_kwargs=net(), **OFF_POLICY),
    "sac-sde-Pendulum": lambda: SAC("MlpPolicy", "Pendulum-v1", policy_kwargs=net(), **SDE, **OFF_POLICY),
    "td3-elu-LunarLanderContinuous": lambda: TD3(
        "MlpPolicy",
        "LunarLanderContinuous-v3",
        policy_kwargs=net(activation_fn=nn.ELU),
        **OFF_POLICY,
    ),
    "tqc-Pendulum": lambda: TQC("MlpPolicy", "Pendulum-v1", policy_kwargs=net(), **OFF_POLICY),
    "ppo-cnn-pictures": lambda: PPO("CnnPolicy", discrete_pictures(), policy_kwargs=small_cnn(), **ON_POLICY),
    "dqn-cnn-pictures": lambda: DQN(
        "CnnPolicy", discrete_pictures(), policy_kwargs=small_cnn(), **OFF_POLICY
    ),
    "sac-cnn-pictures": lambda: SAC(
        "CnnPolicy", continuous_pictures(), policy_kwargs=small_cnn(), **OFF_POLICY
    ),
}
REFUSED: dict[str, Model] = {
    "recurrentppo-CartPole": lambda: RecurrentPPO(
        "MlpLstmPolicy", "CartPole-v1", policy_kwargs=net(lstm_hidden_size=8), **ON_POLICY
    ),
    "ppo-own-activation-CartPole": lambda: PPO(
        "MlpPolicy", "CartPole-v1", policy_kwargs=net(activation_fn=Doubled), **ON_POLICY
    ),
}
"""Files that lander has to refuse: their weights alone look like those of a plain network."""


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    arrays = {name: observations(name) for name in ("LunarLander", "CartPole", "Pendulum")}
    for name, make in MODELS.items():
        arrays[name] = _predictions(_saved(make(), folder / f"{name}.zip"), arrays, name)
    for name, make in REFUSED.items():
        _saved(make(), folder / f"{name}.zip")
    arrays["ppo-vecnormalize-Pendulum"] = _normalised(folder, arrays["Pendulum"])
    np.savez_compressed(folder / "predictions.npz", **arrays)  # type: ignore[arg-type]


def observations(name: str) -> NDArray[Any]:
    """Observations `[1000, *obs_shape]` for the environments of `name`."""
    sizes = {"LunarLander": 8, "CartPole": 4, "Pendulum": 3}
    for environment, size in sizes.items():
        if environment in name:
            return np.random.default_rng(SEED).standard_normal((OBSERVATIONS, size)).astype(np.float32)
    return pictures()


def pictures() -> NDArray[np.uint8]:
    """Pictures `[1000, 36, 36, 3]` of 3 x 3 squares, worked out from their positions: no file holds them."""
    count = OBSERVATIONS * 3 * 3 * 3
    mixed = (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    blocks = (mixed >> np.uint64(56)).astype(np.uint8).reshape(OBSERVATIONS, 3, 3, 3)
    return blocks.repeat(IMAGE[0] // 3, axis=1).repeat(IMAGE[1] // 3, axis=2)


def _saved(model: BaseAlgorithm, path: Path) -> BaseAlgorithm:
    if not isinstance(model.observation_space.sample().dtype, np.dtypes.UInt8DType):
        model.learn(32)  # With pictures, the optimiser's state would be larger than all else in the file.
    _enlarge(model)
    if isinstance(model, PPO | DQN) and len(model.observation_space.shape) == 3:
        _centre(model)
    model.save(path)
    _compress(path)
    return model


def _enlarge(model: BaseAlgorithm) -> None:
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
            parameter.normal_(0.0, 2.0 / fan_in**0.5, generator=generator)
            # Convolutions have many weights and zeros take no room once compressed.
            if parameter.ndim == 4:
                kept = torch.rand(parameter.shape, generator=generator) < 0.03
                parameter.copy_(torch.where(kept, 6.0 * parameter, 0.0))


def _centre(model: PPO | DQN) -> None:
    """Take the mean over all pictures from the outputs: random features have one action that always wins."""
    with torch.no_grad():
        planes = torch.from_numpy(pictures()).permute(0, 3, 1, 2)
        if isinstance(model, PPO):
            outputs = model.policy.get_distribution(planes).distribution.logits
            model.policy.action_net.bias -= outputs.mean(dim=0)
        else:
            model.q_net.q_net[-1].bias -= model.q_net(planes).mean(dim=0)


def _compress(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)


def _predictions(model: BaseAlgorithm, known: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    seen = next((known[env] for env in ("LunarLander", "CartPole", "Pendulum") if env in name), None)
    actions, _ = model.predict(pictures() if seen is None else seen, deterministic=True)
    print(f"{name}: {np.unique(actions, axis=0).shape[0]} different actions of {len(actions)}")
    return actions.astype(np.int8) if np.issubdtype(actions.dtype, np.integer) else actions


def _normalised(folder: Path, seen: NDArray[Any]) -> NDArray[Any]:
    """A PPO that learned behind VecNormalize, and its statistics."""
    env = VecNormalize(DummyVecEnv([lambda: gymnasium.make("Pendulum-v1")]), clip_obs=3.0)
    env.seed(SEED)
    model = _saved(
        PPO("MlpPolicy", env, policy_kwargs=net(), **ON_POLICY), folder / "ppo-vecnormalize-Pendulum.zip"
    )
    # The file would else hold the state of a random generator, which is larger than all else in it.
    env.observation_space._np_random = env.action_space._np_random = None
    env.save(str(folder / "vecnormalize-Pendulum.pkl"))
    actions, _ = model.predict(env.normalize_obs(seen), deterministic=True)
    return actions


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "sb3")
