"""Files without our metadata: from Stable-Baselines3, from plain torch.onnx.export, or built by hand."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_files import (
    CONTINUOUS,
    DATA,
    DISCRETE,
    FILES,
    GOLDEN,
    MEAN,
    golden_observations,
    what_was_found,
)
from lander_runtime import envs
from lander_runtime.episodes.actors import actor_of
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.pictures.record import record_episode


@pytest.mark.parametrize("name", FILES)
def test_it_acts_as_its_author_says(name: str) -> None:
    """`model.predict(deterministic=True)` of Stable-Baselines3, the argmax or mean of the PyTorch module."""
    golden = GOLDEN["files"][name]
    policy = ForeignPolicy.load(DATA / name, golden["env"], "cpu", MEAN.get(name))
    expected = np.array(golden["actions"])
    assert len({str(action) for action in golden["actions"]}) > 1, "or any constant would pass"
    found = policy.act(golden_observations())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    for obs, action in zip(golden_observations(), expected, strict=True):
        np.testing.assert_allclose(policy.act(obs), action, rtol=0, atol=1e-6)
    if policy.action.type == "Discrete":
        assert found.dtype == np.int64
        assert type(policy.act(golden_observations()[0])) is int
    else:
        assert found.dtype == np.float32


@pytest.mark.parametrize("name", FILES)
def test_its_report_is_the_same_whatever_the_lanes(name: str) -> None:
    policy = ForeignPolicy.load(DATA / name, GOLDEN["files"][name]["env"], "cpu", MEAN.get(name))
    reports = [evaluate(policy, episodes=5, lanes=lanes) for lanes in (1, 4)]
    assert what_was_found(reports[0]) == what_was_found(reports[1])
    assert reports[0].env == envs.resolve(GOLDEN["files"][name]["env"])


def test_its_report_is_the_same_in_worker_processes() -> None:
    policy = ForeignPolicy.load(DATA / "sb3-ppo-discrete.onnx", DISCRETE, "cpu")
    reports = [evaluate(policy, episodes=20, workers=workers) for workers in (1, 2)]
    assert reports[1].execution.engine == "2 processes"
    assert what_was_found(reports[0]) == what_was_found(reports[1])


def test_the_report_names_the_file_and_what_was_assumed() -> None:
    path = DATA / "cleanrl-agent.onnx"
    report = evaluate(ForeignPolicy.load(path, DISCRETE, "cpu"), episodes=2)
    data = report.to_json()
    assert data["policy"]["path"] == str(path)
    assert len(data["policy"]["sha256"]) == 64
    assert data["provider"] == "CPUExecutionProvider"
    assert any("'logits' was taken for logits" in sentence for sentence in data["policy"]["assumptions"])
    assert "Not used: 'value'." in data["policy"]["assumptions"]


def test_assumptions_belong_to_the_digest() -> None:
    """The same file with other assumptions gives another digest, even with the same score."""
    policy = ForeignPolicy.load(DATA / "cleanrl-agent.onnx", DISCRETE, "cpu")
    report = evaluate(policy, episodes=2)
    policy.assumptions = ("Something else.",)
    other = evaluate(policy, episodes=2)
    assert report.results.returns.tolist() == other.results.returns.tolist()
    assert report.sha256 != other.sha256


def test_neither_the_path_nor_the_machine_is_in_the_assumptions(tmp_path: Path) -> None:
    content = (DATA / "cleanrl-agent.onnx").read_bytes()
    (tmp_path / "renamed.onnx").write_bytes(content)
    one, two = (
        ForeignPolicy.load(path, DISCRETE, "cpu")
        for path in (DATA / "cleanrl-agent.onnx", tmp_path / "renamed.onnx")
    )
    assert one.assumptions == two.assumptions
    assert evaluate(one, episodes=2).sha256 == evaluate(two, episodes=2).sha256


def test_it_is_recorded_as_it_is_scored(tmp_path: Path) -> None:
    policy = ForeignPolicy.load(DATA / "sb3-ppo-continuous.onnx", CONTINUOUS, "cpu")
    episode = record_episode(actor_of(policy), policy.env, 1_000_000, tmp_path / "x.gif")
    assert episode.return_ == evaluate(policy, episodes=1).results.returns[0]


def test_pickled_it_is_itself_even_where_the_environment_is_not_known(
    register: Callable[..., str], drifting_class: type[Any]
) -> None:
    import gymnasium

    env_id = register(drifting_class)
    content = (DATA / "cleanrl-agent.onnx").read_bytes()
    policy = ForeignPolicy.from_bytes(content, Path("x.onnx"), env_id, "cpu")
    entry = gymnasium.registry.pop(env_id)
    copy = pickle.loads(pickle.dumps(policy))
    gymnasium.registry[env_id] = entry
    assert (copy.path, copy.sha256, copy.env, copy.assumptions) == (
        policy.path, policy.sha256, policy.env, policy.assumptions,
    )  # fmt: skip
    assert copy.act(golden_observations()).tolist() == policy.act(golden_observations()).tolist()
