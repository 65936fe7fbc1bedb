"""Writes sb3-*.onnx, cleanrl-*.onnx and foreign-policies.json beside itself: other people's policies.

    pip install stable-baselines3 'gymnasium[box2d]' torch onnx onnxscript
    python tests/data/make_foreign_policies.py [FOLDER]

Neither lander nor ONNX Runtime is used here: the actions in foreign-policies.json are what the models of
Stable-Baselines3 `predict(deterministic=True)` and what the PyTorch modules say, so a test that compares
with them compares with the authors of the files. The versions that made the committed files are in that JSON.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO, SAC
from torch import nn

SEED = 20_240_602
OBSERVATIONS = 20
DISCRETE, CONTINUOUS = "LunarLander-v3", "LunarLanderContinuous-v3"

Golden = dict[str, Any]


def main(folder: Path) -> None:
    observations = _episode_observations()
    files = {
        **stable_baselines(folder, observations),
        **cleanrl(folder, observations),
    }
    golden = {
        "versions": {
            name: version(name) for name in ("stable-baselines3", "torch", "onnx", "onnxscript", "gymnasium")
        },
        "observations": observations.tolist(),
        "files": files,
    }
    for name in files:
        _forget_where(folder / name)
    (folder / "foreign-policies.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


def _episode_observations() -> NDArray[np.float32]:
    """Every fifth observation of a flight with random actions, `[20, 8]`, plus some noise to spread them."""
    env = gymnasium.make(DISCRETE)
    env.action_space.seed(SEED)
    generator = np.random.default_rng(SEED)
    seen = [env.reset(seed=SEED)[0]]
    while len(seen) < 5 * OBSERVATIONS:
        obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
        seen.append(env.reset()[0] if terminated or truncated else obs)
    env.close()
    spread = generator.normal(0.0, 0.5, (OBSERVATIONS, 8))
    return (np.array(seen[::5]) + spread).astype(np.float32)


def _forget_where(path: Path) -> None:
    """Take out the stack traces that PyTorch writes beside every node, with the paths of its machine."""
    model = onnx.load(path, load_external_data=False)
    for item in [*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output]:
        item.doc_string = ""
        del item.metadata_props[:]
    path.write_bytes(model.SerializeToString(deterministic=True))


# Stable-Baselines3, by the recipe of its documentation ("Exporting models")


class OnnxableSB3Policy(nn.Module):
    """Gives `actions, values, log_prob`."""

    def __init__(self, policy: nn.Module) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, observation: torch.Tensor) -> Any:
        return self.policy(observation, deterministic=True)


class OnnxableActor(nn.Module):
    """Gives the squashed action of SAC's actor."""

    def __init__(self, actor: nn.Module) -> None:
        super().__init__()
        self.actor = actor

    def forward(self, observation: torch.Tensor) -> Any:
        return self.actor(observation, deterministic=True)


def stable_baselines(folder: Path, observations: NDArray[np.float32]) -> Golden:
    """Two PPO agents and a SAC agent, trained for a moment."""
    small = {"policy_kwargs": {"net_arch": [8]}, "device": "cpu", "seed": SEED}
    ppo = PPO("MlpPolicy", DISCRETE, n_steps=256, learning_rate=3e-3, **small).learn(4096)
    ppo_continuous = PPO("MlpPolicy", CONTINUOUS, n_steps=256, learning_rate=3e-3, **small).learn(4096)
    sac = SAC("MlpPolicy", CONTINUOUS, **small).learn(600)
    made = {
        "sb3-ppo-discrete.onnx": (ppo, OnnxableSB3Policy(ppo.policy), DISCRETE),
        "sb3-ppo-continuous.onnx": (ppo_continuous, OnnxableSB3Policy(ppo_continuous.policy), CONTINUOUS),
        "sb3-sac-continuous.onnx": (sac, OnnxableActor(sac.policy.actor), CONTINUOUS),
    }
    golden = {}
    for name, (model, module, env_id) in made.items():
        torch.onnx.export(
            module,
            torch.randn(1, *model.observation_space.shape),
            folder / name,
            opset_version=17,
            input_names=["input"],
            # Not in the recipe, which was written before PyTorch 2.9 made the other one the default: that
            # one cannot export these policies, whose distributions check their arguments.
            dynamo=False,
        )
        actions, _ = model.predict(observations, deterministic=True)
        golden[name] = {"env": env_id, "actions": actions.tolist()}
    return golden


# CleanRL, whose single-file agents hold two plain networks


class DiscreteAgent(nn.Module):
    """Actor and critic side by side; asked as a module, it gives logits and value."""

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
        self.actor = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, actions))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.actor(x), self.critic(x)


class ContinuousAgent(nn.Module):
    """A mean for each throttle and a standard deviation that no observation changes."""

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.actor_mean = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, actions))
        self.actor_logstd = nn.Parameter(torch.zeros(1, actions))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = 3.0 * self.actor_mean(x)
        return mean, self.actor_logstd.expand_as(mean)


def cleanrl(folder: Path, observations: NDArray[np.float32]) -> Golden:
    """The same agent through both of PyTorch's exporters, with every kind of batch."""
    torch.manual_seed(SEED)
    agent, continuous = DiscreteAgent(4).eval(), ContinuousAgent(2).eval()
    example = torch.zeros(1, 8)
    # As plain as it gets, which puts the weights into cleanrl-actor.onnx.data.
    torch.onnx.export(agent.actor, (example,), folder / "cleanrl-actor.onnx")
    torch.onnx.export(
        agent,
        (torch.zeros(2, 8),),
        folder / "cleanrl-agent.onnx",
        input_names=["obs"],
        output_names=["logits", "value"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
    )
    torch.onnx.export(
        agent,
        (example,),
        folder / "cleanrl-agent-opset11.onnx",
        opset_version=11,
        input_names=["observation"],
        output_names=["logits", "value"],
        dynamic_axes={"observation": {0: "n"}, "logits": {0: "n"}, "value": {0: "n"}},
        dynamo=False,
    )
    torch.onnx.export(
        continuous,
        (example,),
        folder / "cleanrl-continuous.onnx",
        opset_version=17,
        input_names=["obs"],
        output_names=["mean", "logstd"],
        dynamic_axes={"obs": {0: "batch"}, "mean": {0: "batch"}, "logstd": {0: "batch"}},
        dynamo=False,
    )
    with torch.no_grad():
        logits, _ = agent(torch.from_numpy(observations))
        mean, _ = continuous(torch.from_numpy(observations))
    greedy = {"env": DISCRETE, "actions": logits.argmax(dim=1).tolist(), "logits": logits.tolist()}
    return {
        "cleanrl-actor.onnx": greedy,
        "cleanrl-agent.onnx": greedy,
        "cleanrl-agent-opset11.onnx": greedy,
        "cleanrl-continuous.onnx": {"env": CONTINUOUS, "actions": mean.clamp(-1.0, 1.0).tolist()},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
