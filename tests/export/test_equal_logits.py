"""Equal logits: selection, the exported graph and the loaded policy take the same action, the first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
import torch

from lander_export import export, load_source
from lander_runtime import envs
from lander_runtime.policy.policy import Policy
from lander_trainer import Checkpoint, Progress, TrainConfig
from lander_trainer.networks.build import build_network
from lander_trainer.runs.checkpoint import network_tensors
from lander_trainer.selection import selection_score

ENV = "RecordsActions-v0"


class RecordsActions(gymnasium.Env[Any, Any]):
    """Five steps an episode, five actions; keeps every action."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(5)
    actions: ClassVar[list[int]] = []

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._step = 0
        return self.np_random.uniform(-1, 1, 3).astype(np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.actions.append(int(action))
        self._step += 1
        return self.np_random.uniform(-1, 1, 3).astype(np.float32), 0.0, self._step == 5, False, {}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    gymnasium.register(ENV, entry_point=RecordsActions)
    RecordsActions.actions.clear()
    yield
    del gymnasium.registry[ENV]


def checkpoint_with(logits: list[float]) -> Checkpoint:
    """A policy that gives these logits for every observation."""
    spec = envs.resolve(ENV)
    env = envs.make(spec)
    observation, action = envs.describe_spaces(env)
    env.close()
    config = TrainConfig(env=ENV, hidden_sizes=(8,))
    network = build_network(observation, action, config)
    last = network.actor[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor(logits))
    return Checkpoint(
        env=spec,
        observation=observation,
        action=action,
        config=config,
        progress=Progress(updates=1, steps=64),
        versions={},
        platform="any",
        created="2025-01-02T03:04:05+00:00",
        tensors=network_tensors(network),
    )


@pytest.mark.parametrize(
    ("logits", "first"),
    [([0, 0, 0, 0, 0], 0), ([-1, 2, 0, 2, 2], 1), ([-3, -3, -2, -3, -2], 2)],
    ids=["all equal", "second, fourth and fifth", "third and last"],
)
def test_the_first_of_equal_logits_is_taken_everywhere(
    tmp_path: Path, logits: list[float], first: int
) -> None:
    checkpoint = checkpoint_with(logits)
    network = checkpoint.network()

    def outputs(obs: Any) -> Any:
        with torch.inference_mode():
            return network.outputs(torch.from_numpy(obs)).numpy()

    selection_score(outputs, network.distribution, checkpoint.env, 3)
    assert RecordsActions.actions == [first] * 15

    path = tmp_path / "best.safetensors"
    checkpoint.save(path)
    RecordsActions.actions.clear()
    exported = export(load_source(path), tmp_path / "policy.onnx", episodes=3, gif=False)
    scored = RecordsActions.actions[-15:]
    assert scored == [first] * 15
    # PyTorch's topk takes any of the equal ones; ONNX Runtime's, whose actions these are, takes the first.
    assert exported.info.golden.outputs["action"] == [first] * 8
    assert exported.info.verification.ties == exported.info.verification.observations
    policy = Policy.load(exported.policy, "cpu")
    obs = np.random.default_rng(1).uniform(-1, 1, (7, 3)).astype(np.float32)
    assert policy.act(obs).tolist() == [first] * 7
    assert int(policy.act(obs[0])) == first
