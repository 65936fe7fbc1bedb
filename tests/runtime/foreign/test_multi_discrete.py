"""Files of other libraries with MultiDiscrete actions: one block of scores a dimension, or integers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lander_runtime import InputRefused, UsageError, envs, evaluate
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.json_data.fields import Fields
from lander_runtime.policy.sampling import greedy_blocks, sample_blocks
from lander_runtime.replays import ReplayFile, ReplayVerifier
from lander_runtime.spec import Space
from matching_environment import NVEC, MatchEnv

SPACE = Space("MultiDiscrete", (3,), "int64", nvec=NVEC)
TOTAL = sum(NVEC)


@pytest.fixture
def env_id(register: Callable[..., str]) -> str:
    return register(MatchEnv)


def saved(path: Path, nodes: list[Any], outputs: dict[str, tuple[int, int]]) -> Path:
    """A model of observations `[batch, 9]`; outputs by name with their type and width."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", TOTAL])],
        [
            helper.make_tensor_value_info(name, kind, ["batch", size])
            for name, (kind, size) in outputs.items()
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


ECHO = helper.make_node("Identity", ["obs"], ["logits"])
"""The right action, since the largest number of a block is the card that is shown."""


@pytest.fixture
def logits(tmp_path: Path) -> Path:
    return saved(tmp_path / "logits.onnx", [ECHO], {"logits": (TensorProto.FLOAT, TOTAL)})


@pytest.fixture
def integers(tmp_path: Path) -> Path:
    """Integers `[batch, 3]`, with the scores beside them."""
    split = helper.make_node("Split", ["obs", "sizes"], ["a", "b", "c"], axis=1)
    sizes = helper.make_node("Constant", [], ["sizes"], value_ints=list(NVEC))
    largest = [
        helper.make_node("ArgMax", [name], [f"{name}i"], axis=1, keepdims=1) for name in ("a", "b", "c")
    ]
    joined = helper.make_node("Concat", ["ai", "bi", "ci"], ["actions"], axis=1)
    return saved(
        tmp_path / "integers.onnx",
        [sizes, split, *largest, joined, ECHO],
        {"actions": (TensorProto.INT64, 3), "logits": (TensorProto.FLOAT, TOTAL)},
    )


def test_blocks_of_scores(logits: Path, env_id: str) -> None:
    policy = ForeignPolicy.load(logits, env_id, "cpu")
    assert policy.action == SPACE
    assert any("one block after another for 3, 2, 4 choices" in said for said in policy.assumptions)
    assert evaluate(policy, episodes=5).summary.mean_return == 8.0
    shown = np.eye(TOTAL, dtype=np.float32)[[2, 4, 7]].sum(axis=0)
    assert policy.act(shown).tolist() == [2, 1, 2]
    assert policy.act(shown).dtype == np.int64


def test_integers(integers: Path, env_id: str) -> None:
    policy = ForeignPolicy.load(integers, env_id, "cpu")
    assert "'actions' was taken for the numbers of the action." in policy.assumptions
    report = evaluate(policy, episodes=5)
    assert report.summary.mean_return == 8.0
    assert evaluate(policy, episodes=5, lanes=2).sha256 == report.sha256
    assert 2.0 < evaluate(policy, episodes=40, sampled=True).summary.mean_return < 7.0


def with_argmax(tmp_path: Path, order: str, scores: dict[str, str]) -> Path:
    """Integers of the blocks in this order, beside outputs that are the scores of a value each."""
    split = helper.make_node("Split", ["obs", "sizes"], ["a", "b", "c"], axis=1)
    sizes = helper.make_node("Constant", [], ["sizes"], value_ints=list(NVEC))
    largest = [helper.make_node("ArgMax", [name], [f"{name}i"], axis=1, keepdims=1) for name in "abc"]
    joined = helper.make_node("Concat", [f"{name}i" for name in order], ["numbers"], axis=1)
    least = helper.make_node("Neg", ["obs"], ["least"])
    given = [helper.make_node("Identity", [value], [name]) for name, value in scores.items()]
    outputs = {"numbers": (TensorProto.INT64, 3)} | dict.fromkeys(scores, (TensorProto.FLOAT, TOTAL))
    return saved(tmp_path / "both.onnx", [sizes, split, *largest, joined, least, *given], outputs)


@pytest.mark.parametrize(
    ("order", "scores"),
    [
        ("acb", {"logits": "obs"}),
        ("abc", {"logits": "least"}),
        # One block of three does not agree.
        ("aba", {"logits": "obs"}),
        # No name tells which of the two is the scores, and neither agrees.
        ("abc", {"one": "least", "other": "least"}),
    ],
)
def test_integers_that_are_not_the_largest_of_each_block_are_not_guessed(
    order: str, scores: dict[str, str], tmp_path: Path, env_id: str
) -> None:
    path = with_argmax(tmp_path, order, scores)
    with pytest.raises(InputRefused, match=r"'numbers' is not the number of the largest of .*--output NAME"):
        ForeignPolicy.load(path, env_id, "cpu")
    assert ForeignPolicy.load(path, env_id, "cpu", "numbers").assumptions


def test_integers_that_agree_with_one_of_two_outputs_are_taken(tmp_path: Path, env_id: str) -> None:
    policy = ForeignPolicy.load(with_argmax(tmp_path, "abc", {"one": "least", "other": "obs"}), env_id, "cpu")
    assert "'numbers' was taken for the numbers of the action." in policy.assumptions
    assert not policy.can_be_sampled


def test_rows_that_influence_each_other_below_an_integer_are_found(tmp_path: Path, env_id: str) -> None:
    """The mean over the batch is far too small to change the integer of a trial observation."""
    split = helper.make_node("Split", ["mixed", "sizes"], ["a", "b", "c"], axis=1)
    sizes = helper.make_node("Constant", [], ["sizes"], value_ints=list(NVEC))
    tiny = helper.make_node("Constant", [], ["tiny"], value_float=1e-12)
    mean = helper.make_node("ReduceMean", ["obs", "batch"], ["mean"], keepdims=1)
    batch = helper.make_node("Constant", [], ["batch"], value_ints=[0])
    mixed = [
        helper.make_node("Mul", ["mean", "tiny"], ["less"]),
        helper.make_node("Sub", ["obs", "less"], ["mixed"]),
    ]
    largest = [helper.make_node("ArgMax", [name], [f"{name}i"], axis=1, keepdims=1) for name in "abc"]
    joined = helper.make_node("Concat", ["ai", "bi", "ci"], ["actions"], axis=1)
    nodes = [sizes, tiny, batch, mean, *mixed, split, *largest, joined]
    path = saved(tmp_path / "mixed.onnx", nodes, {"actions": (TensorProto.INT64, 3)})
    policy = ForeignPolicy.load(path, env_id, "cpu")
    assert policy.batch_size == 1
    assert any("one observation at a time is all that works" in said for said in policy.assumptions)


def test_probabilities_are_seen_block_by_block(tmp_path: Path, env_id: str) -> None:
    sizes = helper.make_node("Constant", [], ["sizes"], value_ints=list(NVEC))
    split = helper.make_node("Split", ["obs", "sizes"], ["a", "b", "c"], axis=1)
    soft = [helper.make_node("Softmax", [name], [f"{name}p"], axis=1) for name in ("a", "b", "c")]
    joined = helper.make_node("Concat", ["ap", "bp", "cp"], ["probs"], axis=1)
    path = saved(tmp_path / "p.onnx", [sizes, split, *soft, joined], {"probs": (TensorProto.FLOAT, TOTAL)})
    assert any("sum to 1" in said for said in ForeignPolicy.load(path, env_id, "cpu").assumptions)


def test_what_does_not_fit_is_refused(tmp_path: Path, env_id: str) -> None:
    cut = helper.make_node("Slice", ["obs", "from", "to", "axis"], ["logits"])
    numbers = [
        helper.make_node("Constant", [], [name], value_ints=[value])
        for name, value in (("from", 0), ("to", 8), ("axis", 1))
    ]
    path = saved(tmp_path / "short.onnx", [*numbers, cut], {"logits": (TensorProto.FLOAT, 8)})
    with pytest.raises(InputRefused, match=r"integers \[batch, 3\], or floats \[batch, 9\]"):
        ForeignPolicy.load(path, env_id, "cpu")


def test_integers_out_of_range_are_refused(tmp_path: Path, env_id: str) -> None:
    seven = helper.make_node("Constant", [], ["seven"], value=helper.make_tensor("t", 7, [1, 3], [0, 1, 7]))
    zero = [
        helper.make_node("Cast", ["obs"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Constant", [], ["axis"], value_ints=[1]),
        helper.make_node("ReduceSum", ["whole", "axis"], ["sums"], keepdims=1),
        helper.make_node("Mul", ["sums", "sums"], ["squares"]),
        helper.make_node("Sub", ["squares", "squares"], ["zeros"]),
        helper.make_node("Add", ["zeros", "seven"], ["action"]),
    ]
    path = saved(tmp_path / "far.onnx", [seven, *zero], {"action": (TensorProto.INT64, 3)})
    with pytest.raises(InputRefused, match=r"gave the action 7; MatchEnv.* has 0 to 3"):
        evaluate(ForeignPolicy.load(path, env_id, "cpu", "action"), episodes=1)


def test_replays_keep_such_actions(logits: Path, env_id: str, tmp_path: Path) -> None:
    import lander_rl

    lander_rl.evaluate(str(logits), env_id, episodes=3, save_replay=tmp_path / "r.jsonl.gz")
    file = ReplayFile(tmp_path / "r.jsonl.gz")
    with ReplayVerifier(file.header) as verifier:
        for recorded in file:
            assert verifier.verify(recorded).divergence is None
    assert verifier.verified == 3


def test_greedy_and_sampled_by_hand() -> None:
    logits = np.array([[0, 5, 0, 1, 1], [9, 0, 0, -4, -3]], np.float32)
    assert greedy_blocks(logits, (3, 2)).tolist() == [[1, 0], [0, 1]]
    generator = np.random.default_rng(0)
    drawn = sample_blocks(np.log(np.tile([[0.5, 0.5, 0.25, 0.75]], (20_000, 1))), (2, 2), generator)
    assert np.allclose(drawn.mean(axis=0), [0.5, 0.75], atol=0.02)


def test_the_space_survives_json_and_others_stay_as_they_were() -> None:
    assert Space.from_json(Fields(SPACE.to_json(), "x")) == SPACE
    assert "nvec" not in Space("Discrete", (), "int64", n=2).to_json()


@pytest.mark.parametrize("change", [{"nvec": [3, 2]}, {"nvec": []}, {"nvec": [3, 0, 4]}, {"dtype": "int8"}])
def test_a_space_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputRefused, match="nvec"):
        Space.from_json(Fields({**SPACE.to_json(), **change}, "x"))


def test_other_multi_discrete_spaces_are_refused(register: Callable[..., str]) -> None:
    for space in (
        gymnasium.spaces.MultiDiscrete([[2, 3], [2, 3]]),
        gymnasium.spaces.MultiDiscrete([2, 3], start=[1, 0]),
    ):
        made = envs.make(envs.resolve(register(type("Own", (MatchEnv,), {"action_space": space}))))
        with pytest.raises(UsageError, match="one dimension, from 0"):
            envs.describe_spaces(made)
