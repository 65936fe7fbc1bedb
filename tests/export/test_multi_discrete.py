"""MultiDiscrete policies: from a run to a file of schema 1.1 that matches every card."""

import json
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from lander_export import export, load_source
from lander_export.gate import check_agreement
from lander_export.model import build_model
from lander_export.multi_discrete import MultiDiscretePolicyGraph
from lander_runtime import Policy, UsageError, envs, evaluate
from lander_runtime.errors import CheckFailed
from lander_runtime.spec import Space
from lander_trainer import RunDirectory, TrainConfig, train
from matching_environment import NVEC, MatchEnv


class Other(MatchEnv):
    """The same observations and other actions."""

    action_space = gymnasium.spaces.Discrete(2)  # type: ignore[assignment]


@pytest.fixture
def match() -> Iterator[str]:
    gymnasium.register("Match-v0", "matching_environment:MatchEnv")
    yield "Match-v0"
    del gymnasium.registry["Match-v0"]


@pytest.fixture
def other() -> Iterator[str]:
    gymnasium.register("Other-v0", Other)
    yield "Other-v0"
    del gymnasium.registry["Other-v0"]


def test_from_training_to_a_score(match: str, other: str, tmp_path: Path) -> None:
    run = RunDirectory.create(match, tmp_path / "run")
    config = TrainConfig(
        env=match, steps=16_000, lanes=16, rollout_steps=64, minibatches=4, hidden_sizes=(32,),
        learning_rate=0.003, selection_episodes=8, backend="gymnasium", device="cpu", workers=1,
    )  # fmt: skip
    train(config, run)
    made = export(load_source(run.best), tmp_path / "policy.onnx", episodes=20)
    assert (made.info.schema, made.info.action.nvec) == ("1.1", NVEC)
    assert made.info.verification.action_agreement == 1.0
    assert json.loads(onnx.load(made.policy).metadata_props[0].value)["action"]["nvec"] == [*NVEC]
    assert "one block after another: 3 + 2 + 4" in made.card.read_text()
    policy = Policy.load(made.policy, "cpu")
    policy.self_test()
    assert "one of each of 3, 2, 4" in repr(policy)
    shown = np.eye(9, dtype=np.float32)[[2, 4, 7]].sum(axis=0)
    assert policy.act(shown).tolist() == [2, 1, 2]
    assert policy.act(shown, np.random.default_rng(0)).shape == (3,)
    report = evaluate(policy, episodes=100, lanes=4)
    assert report.summary.mean_return > 7.5
    assert evaluate(policy, episodes=100, workers=2).sha256 == report.sha256
    with pytest.raises(UsageError, match=r"expects actions MultiDiscrete\(\[3, 2, 4\]\)"):
        evaluate(policy, other, episodes=1)


def test_the_gate_looks_at_every_block() -> None:
    """A file that changes the last choice only is not written."""
    actor = nn.Linear(3, 5)
    graph = MultiDiscretePolicyGraph(actor, (2, 3)).eval()
    other = MultiDiscretePolicyGraph(nn.Linear(3, 5), (2, 3)).eval()
    other.load_state_dict(graph.state_dict())
    with torch.no_grad():
        other.get_parameter("actor.bias")[-1] += 5.0
    space = Space("Box", (3,), "float32")
    observations = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    same = build_model(graph, space, graph.outputs).SerializeToString()
    assert check_agreement(graph, same, observations).action_agreement == 1.0
    changed = build_model(other, space, graph.outputs).SerializeToString()
    with pytest.raises(CheckFailed, match="Logits differ"):
        check_agreement(graph, changed, observations)


def test_the_recipe_names_the_space(match: str) -> None:
    made = envs.make(envs.resolve(match))
    assert envs.describe_spaces(made)[1].nvec == NVEC
