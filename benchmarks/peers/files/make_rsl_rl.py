"""Trains with rsl_rl for a few iterations and writes its checkpoints and its own ONNX file.

pip install rsl-rl-lib tensordict 'gymnasium[box2d]'
python benchmarks/peers/files/make_rsl_rl.py FOLDER
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner
from tensordict import TensorDict

from saving import describe

ENV = "Pendulum-v1"


class Copies(VecEnv):  # type: ignore[misc]
    """Copies of a Gymnasium environment as rsl_rl takes them."""

    def __init__(self, count: int) -> None:
        self.envs = gymnasium.make_vec(ENV, count, vectorization_mode="sync")
        self.num_envs, self.num_actions, self.device, self.cfg = count, 1, "cpu", {}
        self.max_episode_length = 200
        self.episode_length_buf = torch.zeros(count, dtype=torch.long)
        self.obs, _ = self.envs.reset(seed=1)

    def get_observations(self) -> TensorDict:
        """The newest observations."""
        return TensorDict({"policy": torch.from_numpy(self.obs).float()}, batch_size=[self.num_envs])

    def step(self, actions: torch.Tensor) -> Any:
        """Clips as the environment would."""
        self.obs, rewards, terminated, truncated, _ = self.envs.step(actions.clamp(-2.0, 2.0).numpy())
        dones = torch.from_numpy(terminated | truncated).long()
        extras = {"time_outs": torch.from_numpy(truncated)}
        return self.get_observations(), torch.from_numpy(rewards).float(), dones, extras


def settings(*, normalised: bool, distribution: str) -> dict[str, Any]:
    """A runner's settings."""
    network = {
        "class_name": "rsl_rl.models.MLPModel", "hidden_dims": [32, 32], "activation": "elu",
        "obs_normalization": normalised,
    }  # fmt: skip
    gaussian = {"class_name": f"rsl_rl.modules.distribution.{distribution}"}
    return {
        "algorithm": {"class_name": "rsl_rl.algorithms.PPO"},
        "actor": {**network, "distribution_cfg": gaussian}, "critic": network,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "num_steps_per_env": 24, "save_interval": 100, "logger": "tensorboard", "multi_gpu": None,
    }  # fmt: skip


RECIPES: dict[str, tuple[dict[str, Any], list[str] | None]] = {
    "ppo": ({"normalised": False, "distribution": "GaussianDistribution"}, []),
    "ppo-normalised": (
        {"normalised": True, "distribution": "GaussianDistribution"},
        ["--normalizer", "checkpoint"],
    ),
    "ppo-heteroscedastic": (
        {"normalised": False, "distribution": "HeteroscedasticGaussianDistribution"},
        None,
    ),
}


def main(folder: Path) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (chosen, options) in RECIPES.items():
        torch.manual_seed(1)
        with tempfile.TemporaryDirectory() as work:
            runner = OnPolicyRunner(Copies(8), settings(**chosen), log_dir=work, device="cpu")
            runner.learn(5)
            path = folder / f"rsl_rl-{name}.pt"
            runner.save(str(path))
        policy = runner.get_inference_policy()

        def act(obs: NDArray[np.float32], policy: Any = policy) -> NDArray[Any]:
            with torch.no_grad():
                data = TensorDict({"policy": torch.from_numpy(obs)}, batch_size=[len(obs)])
                return policy(data).clamp(-2.0, 2.0).numpy()

        about: dict[str, Any] = {"library": "rsl_rl", "package": "rsl-rl-lib", "env_id": ENV}
        if options is None:
            describe(path, recipe=name, act=None, options=["--squash", "none"], **about)
            continue
        describe(path, recipe=name, act=act, options=options, **about)
        runner.export_policy_to_onnx(str(folder), f"rsl_rl-{name}.onnx")
        onnx = (folder / f"rsl_rl-{name}.onnx").rename(folder / f"rsl_rl-{name}-own.onnx")
        describe(onnx, recipe=f"{name}, export_policy_to_onnx", act=act, **about)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
