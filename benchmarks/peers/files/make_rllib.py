"""Trains with RLlib for one iteration and exports ONNX files: the new API stack's and the old one's.

    pip install 'ray[rllib]' onnx onnxscript 'gymnasium[box2d]'
    python benchmarks/peers/files/make_rllib.py FOLDER

The new stack has no exporter of its own: its RLModule is exported as a module that takes observations and
gives the module's `action_dist_inputs`, the way its users do. The old stack's exporter is
`Algorithm.export_policy_model`. Checkpoints of both are pickles, which lander refuses.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.ppo import PPOConfig

from saving import describe


class Inference(torch.nn.Module):
    """An RLModule with one input and one output."""

    def __init__(self, module: Any, first: int | None) -> None:
        """`first` is how many of the outputs to give; None for all."""
        super().__init__()
        self.module, self.first = module, first

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        """Observations `[batch, n]` -> the inputs of the distribution, or the first of them: the means."""
        return self.module.forward_inference({"obs": obs})["action_dist_inputs"][:, : self.first]


def config(env_id: str, *, new: bool) -> Any:
    """PPO with small batches, on one stack or the other."""
    made = PPOConfig().environment(env_id).env_runners(num_env_runners=0)
    made = made.training(train_batch_size=500, minibatch_size=100, num_epochs=2)
    return made.api_stack(enable_rl_module_and_learner=new, enable_env_runner_and_connector_v2=new)


def greedy(outputs: NDArray[Any], space: Any) -> NDArray[Any]:
    """What RLlib sends to the environment, from the inputs of its distribution."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return outputs.argmax(1)
    mean = outputs[:, : len(space.low)]
    # RLlib's unsquash_action: outputs are in [-1, 1] where normalize_actions is on, as it is by default.
    return space.low + (np.clip(mean, -1.0, 1.0) + 1.0) * (space.high - space.low) / 2.0


def new_stack(env_id: str, path: Path, first: int | None = None) -> Any:
    """Train, export, and return what gives the outputs."""
    algorithm = config(env_id, new=True).build_algo()
    algorithm.train()
    module = Inference(algorithm.get_module(), first).eval()
    size = algorithm.get_module().observation_space.shape[0]
    torch.onnx.export(
        module, (torch.zeros(2, size),), str(path), input_names=["obs"], output_names=["action_dist_inputs"],
        dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False, verbose=False,
    )  # fmt: skip
    return module


def new_means(env_id: str, path: Path) -> Any:
    """The same with the means alone."""
    return new_stack(env_id, path, first=1)


def old_stack(env_id: str, path: Path) -> Any:
    """As `new_stack`, with the exporter of the old stack."""
    algorithm = config(env_id, new=False).build()
    algorithm.train()
    with tempfile.TemporaryDirectory() as work:
        algorithm.export_policy_model(work, onnx=17)
        path.write_bytes((Path(work) / "model.onnx").read_bytes())
    policy = algorithm.get_policy()
    return lambda obs: policy.model({"obs": obs})[0]


RECIPES = {
    "new-discrete": (new_stack, "CartPole-v1", []),
    "new-continuous": (new_stack, "Pendulum-v1", None),
    "new-continuous-means": (new_means, "Pendulum-v1", ["--action-range", "-1,1"]),
    "old-discrete": (old_stack, "CartPole-v1", []),
    "old-continuous": (old_stack, "Pendulum-v1", None),
}


def main(folder: Path) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    for name, (make, env_id, options) in RECIPES.items():
        path = folder / f"rllib-{name}.onnx"
        outputs = make(env_id, path)
        space = gymnasium.make(env_id).action_space

        def act(obs: NDArray[np.float32], outputs: Any = outputs, space: Any = space) -> NDArray[Any]:
            with torch.no_grad():
                return greedy(outputs(torch.from_numpy(obs)).numpy(), space)

        describe(
            path, library="RLlib", package="ray", env_id=env_id,
            recipe=f"PPO, {name.replace('-', ' API stack, ', 1)}",
            options=options or [], act=None if options is None else act,
        )  # fmt: skip
    ray.shutdown()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
