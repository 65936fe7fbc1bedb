"""Policies on images: one file from bytes to the action, evaluated through the wrappers that it names."""

from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import onnx
import pytest

from lander_export import export, load_source
from lander_runtime import Policy, evaluate
from lander_runtime.policy.agreement import IMAGE_TOLERANCE
from lander_runtime.spec import WrapperSpec
from lander_trainer import RunDirectory, train
from trainer_helpers import settings

STACK = (WrapperSpec("FrameStackObservation", {"stack_size": 2}),)


@pytest.fixture
def stripe() -> Iterator[str]:
    env_id = "StripeExport-v0"
    gymnasium.register(env_id, "trainer_environments:StripeEnv", max_episode_steps=10, reward_threshold=9.0)
    yield env_id
    del gymnasium.registry[env_id]


@pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
@pytest.mark.parametrize("colours", [0, 3], ids=["grey", "colours"])
def test_image_policy_scores_the_same_from_its_file(
    stripe: str, tmp_path: Path, colours: int, continuous: bool
) -> None:
    config = settings(
        stripe, lanes=16, rollout_steps=16, epochs=4, steps=30 * 256, learning_rate=0.003, reward_scale=1.0,
        gamma=0.0, entropy_coef=0.0, hidden_sizes=(32,), channels=(8, 8), activation="relu",
        selection_episodes=8, env_kwargs={"colours": colours, "continuous": continuous}, env_wrappers=STACK,
    )  # fmt: skip
    run = RunDirectory.create(stripe, tmp_path / "run")
    train(config, run)
    exported = export(load_source(run.best), tmp_path / "policy.onnx", episodes=4, gif=True)
    assert exported.info.verification.max_difference <= IMAGE_TOLERANCE

    policy = Policy.load(tmp_path / "policy.onnx", "cpu")
    assert policy.info.env.wrappers == STACK
    assert policy.observation.dtype == "uint8"
    assert policy.observation.shape == (2, 24, 24, *([colours] if colours else []))
    assert policy.self_test() <= IMAGE_TOLERANCE
    report = evaluate(policy, episodes=20, workers=2)
    assert report.summary.mean_return > 9.0  # guessing gives 3.3
    assert report.sha256 == evaluate(policy, episodes=20, lanes=3).sha256


def test_pixels_enter_the_graph_as_they_are_and_are_divided_by_way_of_the_weights(
    stripe: str, tmp_path: Path
) -> None:
    run = RunDirectory.create(stripe, tmp_path / "run")
    train(settings(stripe, channels=(4,), selection_episodes=0), run)
    source = load_source(run.checkpoint)
    export(source, tmp_path / "policy.onnx", episodes=0, gif=False)
    model = onnx.load(tmp_path / "policy.onnx")
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [node.op_type for node in model.graph.node].count("Conv") == 1
    assert not {"Div", "Mul"} & {node.op_type for node in model.graph.node}
    pixels = np.random.default_rng(0).integers(0, 256, (3, 24, 24), np.uint8)
    with_graph = Policy.load(tmp_path / "policy.onnx", "cpu").outputs(pixels)["logits"]
    assert np.ptp(with_graph, axis=0).max() > 0.0  # it sees
