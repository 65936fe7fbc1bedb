"""What is refused, with what to do: other environments, other versions, and what no policy may contain."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from foreign_files import (
    CONTINUOUS,
    DATA,
    DISCRETE,
    GOLDEN,
    MEAN,
    Graph,
    golden_observations,
    load,
    node,
)
from lander_runtime import EnvSpec, InputRefused, LanderError, Policy, UsageError
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.opening import open_policy


@pytest.mark.parametrize("name", ["agent.zip", "agent.pth", "agent.onnx"])
def test_a_checkpoint_is_answered_with_the_command_that_exports_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(InputRefused, match=rf"lander export .*{name} --env"):
        open_policy(path, DISCRETE, "cpu")


@pytest.mark.parametrize(
    ("ir_version", "opset", "message"),
    [(99, 18, r"an IR version up to \d+.* found 99"), (8, 99, r"an opset up to \d+.* found 99")],
)
def test_a_version_that_is_too_new_is_named_with_the_highest(
    graph: Graph, ir_version: int, opset: int, message: str
) -> None:
    model = graph([node("Identity", "scores", "out")], {"out": (TensorProto.FLOAT, ["batch", 4])})
    model.ir_version, model.opset_import[0].version = ir_version, opset
    with pytest.raises(InputRefused, match=message):
        load(model)


def test_an_optimised_file_is_answered_with_the_command_that_makes_a_plain_one(graph: Graph) -> None:
    fused = helper.make_node("FusedMatMul", ["scores", "scores"], ["out"], domain="com.microsoft")
    with pytest.raises(InputRefused, match="ORT_ENABLE_BASIC"):
        load(graph([fused], {"out": (TensorProto.FLOAT, ["batch", 4])}))


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("sb3-ppo-discrete.onnx", CONTINUOUS),
        ("sb3-ppo-continuous.onnx", DISCRETE),
        ("sb3-ppo-discrete.onnx", "CartPole-v1"),
        ("cleanrl-agent.onnx", "Pendulum-v1"),
    ],
)
def test_another_environment_is_refused_with_what_is_there(name: str, env: str) -> None:
    with pytest.raises(InputRefused, match=rf"^{name} in {env}: expected .* found '"):
        ForeignPolicy.load(DATA / name, env, "cpu")
    # Also where it was opened for the one and is scored in the other.
    policy = ForeignPolicy.load(DATA / name, GOLDEN["files"][name]["env"], "cpu", MEAN.get(name))
    with pytest.raises(UsageError, match=f"{name} expects .*{env} has"):
        evaluate(policy, env, episodes=1)


def test_no_such_environment_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"LunarLandr-v3.*Did you mean LunarLander-v3"):
        ForeignPolicy.load(DATA / "cleanrl-agent.onnx", "LunarLandr-v3", "cpu")


def test_without_an_environment_the_error_says_what_to_type() -> None:
    with pytest.raises(InputRefused, match=r"lander eval FILE --env LunarLander-v3"):
        open_policy(DATA / "cleanrl-agent.onnx", device="cpu")


def test_ours_opens_as_ours_whatever_the_environment(tiny_discrete: Path) -> None:
    policy = open_policy(tiny_discrete, EnvSpec("LunarLander-v3", {"enable_wind": True}), "cpu")
    assert isinstance(policy, Policy)
    assert policy.env == EnvSpec("LunarLander-v3", max_episode_steps=1000, reward_threshold=200.0)
    assert policy.assumptions == ()
    with pytest.raises(UsageError, match="--output"):
        open_policy(tiny_discrete, device="cpu", output="logits")


def stripped(path: Path, change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    model = onnx.load(path)
    del model.metadata_props[:]
    change(model)
    return model


@pytest.mark.parametrize(
    ("operator", "advice"),
    [("If", "batch of 1"), ("Loop", "batch of 1"), ("RandomNormalLike", "greedy"), ("Multinomial", "greedy")],
)
def test_what_no_policy_may_contain_is_refused_with_advice(
    tiny_discrete: Path, operator: str, advice: str
) -> None:
    def change(model: onnx.ModelProto) -> None:
        """Both outputs need it."""
        for item in model.graph.node:
            item.input[:] = ["other" if name == "obs" else name for name in item.input]
        model.graph.node.insert(0, helper.make_node(operator, ["obs"], ["other"]))

    model = stripped(tiny_discrete, change)
    with pytest.raises(InputRefused, match=rf"^stranger\.onnx: the operator {operator} .*{advice}"):
        load(model)


def test_texts_sequences_and_foreign_names_are_no_outputs(graph: Graph) -> None:
    nodes = [
        node("SequenceConstruct", "scores scores", "list"),
        node("Identity", "label", "text"),
        helper.make_node("Identity", ["scores"], ["\u4f4d\n\u0007"]),
    ]
    outputs = {
        "text": (TensorProto.STRING, [1]),
        "\u4f4d\n\u0007": (TensorProto.FLOAT, ["batch", 4]),
    }
    model = graph(nodes, outputs, constants={"label": np.array(["land"], object)})
    model.graph.output.append(helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None))
    policy = load(model)
    assert not any("\n" in sentence or "\u0007" in sentence for sentence in policy.assumptions)


@pytest.mark.parametrize("name", ["cleanrl-agent.onnx", "sb3-ppo-discrete.onnx"])
def test_any_damage_works_or_is_refused(name: str) -> None:
    content = (DATA / name).read_bytes()
    generator = np.random.default_rng(11)
    refused = 0
    for _ in range(300):
        spoilt = bytearray(content)
        for place in generator.integers(0, len(content), generator.integers(1, 4)):
            spoilt[place] = generator.integers(0, 256)
        try:
            ForeignPolicy.from_bytes(bytes(spoilt), Path("x.onnx"), DISCRETE, "cpu").act(
                golden_observations()
            )
        except LanderError as error:
            assert str(error)
            refused += 1
    assert 0 < refused < 300
