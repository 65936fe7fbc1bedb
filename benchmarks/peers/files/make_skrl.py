"""Trains with skrl for a few hundred steps and keeps the checkpoints that its agents write.

    pip install skrl 'gymnasium[box2d]'
    python benchmarks/peers/files/make_skrl.py FOLDER

The instantiated models are those of skrl's own runners; the network with a last tanh, times 2, is that of its
Pendulum examples.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from skrl.agents.torch.dqn import DQN, DQN_CFG
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import GaussianMixin, Model
from skrl.resources.preprocessors.torch import RunningStandardScaler
from skrl.trainers.torch import SequentialTrainer
from skrl.utils.model_instantiators.torch import (
    categorical_model,
    deterministic_model,
    gaussian_model,
    shared_model,
)
from torch import nn

from saving import describe

NETWORK = [{"name": "net", "input": "OBSERVATIONS", "layers": [32, 32], "activations": "elu"}]


class Example(GaussianMixin, Model):  # type: ignore[misc]
    """The policy of skrl's examples for Pendulum."""

    def __init__(self, observation_space: Any, state_space: Any, action_space: Any, device: Any) -> None:
        Model.__init__(
            self, observation_space=observation_space, state_space=state_space, action_space=action_space,
            device=device,
        )  # fmt: skip
        GaussianMixin.__init__(self)
        self.net = nn.Sequential(
            nn.Linear(self.num_observations, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(),
            nn.Linear(32, self.num_actions), nn.Tanh(),
        )  # fmt: skip
        self.log_std_parameter = nn.Parameter(torch.zeros(self.num_actions))

    def compute(self, inputs: Any, role: str = "") -> Any:
        """2 tanh(...): the bounds are +-2."""
        return 2.0 * self.net(inputs["observations"]), {"log_std": self.log_std_parameter}


def models(kind: str, env: Any) -> dict[str, Any]:
    """The models of one kind of agent."""
    spaces = {
        "observation_space": env.observation_space, "state_space": env.state_space,
        "action_space": env.action_space, "device": env.device,
    }  # fmt: skip
    if kind == "dqn":
        return {
            name: deterministic_model(**spaces, network=NETWORK, output="ACTIONS")
            for name in ("q_network", "target_q_network")
        }
    if kind == "shared":
        both = shared_model(
            **spaces, structure=["GaussianMixin", "DeterministicMixin"], roles=["policy", "value"],
            parameters=[{"network": NETWORK, "output": "ACTIONS"}, {"network": NETWORK, "output": "ONE"}],
        )  # fmt: skip
        return {"policy": both, "value": both}
    if kind == "example":
        policy: Any = Example(**spaces)
    else:
        make = categorical_model if kind == "discrete" else gaussian_model
        policy = make(**spaces, network=NETWORK, output="ACTIONS")
    return {"policy": policy, "value": deterministic_model(**spaces, network=NETWORK, output="ONE")}


def train(kind: str, env: Any, folder: Path, *, normalised: bool) -> Any:
    """An agent after some 500 steps."""
    made = models(kind, env)
    for role, model in made.items():
        model.init_state_dict(role=role)
    cfg: Any = DQN_CFG() if kind == "dqn" else PPO_CFG()
    cfg.experiment.directory, cfg.experiment.write_interval = str(folder), 0
    cfg.experiment.checkpoint_interval = 256
    if kind != "dqn":
        cfg.rollouts = 128
    if normalised:
        cfg.observation_preprocessor = RunningStandardScaler
        cfg.observation_preprocessor_kwargs = {"size": env.observation_space, "device": env.device}
    agent = (DQN if kind == "dqn" else PPO)(
        models=made, cfg=cfg, memory=RandomMemory(512 if kind == "dqn" else 128, device=env.device),
        observation_space=env.observation_space, state_space=env.state_space, action_space=env.action_space,
        device=env.device,
    )  # fmt: skip
    trainer = SequentialTrainer(
        cfg={"timesteps": 513, "headless": True, "disable_progressbar": True}, env=env, agents=agent
    )
    trainer.train()
    return agent


def greedy(kind: str, agent: Any, space: gymnasium.Space[Any], obs: NDArray[np.float32]) -> NDArray[Any]:
    """The agent's greedy actions, clipped as the environment would."""
    model = agent.models["q_network" if kind == "dqn" else "policy"]
    with torch.no_grad():
        seen = torch.from_numpy(obs)
        if kind != "dqn":
            seen = agent._observation_preprocessor(seen)
        outputs = model.compute({"observations": seen}, role="policy")[0]
    if isinstance(space, gymnasium.spaces.Discrete):
        return outputs.argmax(1).numpy()
    return np.clip(outputs.numpy(), space.low, space.high)  # type: ignore[attr-defined]


RECIPES: dict[str, tuple[str, str, bool, list[str]]] = {
    "ppo": ("ppo", "Pendulum-v1", False, ["--squash", "none"]),
    "ppo-normalised": ("ppo", "Pendulum-v1", True, ["--squash", "none", "--normalizer", "checkpoint"]),
    "ppo-shared": ("shared", "Pendulum-v1", False, ["--squash", "none"]),
    "ppo-example": ("example", "Pendulum-v1", False, ["--squash", "tanh"]),
    "ppo-discrete": ("discrete", "CartPole-v1", False, []),
    "dqn": ("dqn", "CartPole-v1", False, []),
}


def main(folder: Path) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (kind, env_id, normalised, options) in RECIPES.items():
        torch.manual_seed(1)
        space = gymnasium.make(env_id).action_space
        with tempfile.TemporaryDirectory() as work:
            agent = train(kind, wrap_env(gymnasium.make(env_id)), Path(work), normalised=normalised)
            agent.write_checkpoint(timestep=513, timesteps=513)
            written = next(Path(work).rglob("agent_513.pt"))
            path = folder / f"skrl-{name}.pt"
            path.write_bytes(written.read_bytes())
        describe(
            path, library="skrl", package="skrl", recipe=name, env_id=env_id, options=options,
            act=lambda obs, kind=kind, agent=agent, space=space: greedy(kind, agent, space, obs),
        )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
