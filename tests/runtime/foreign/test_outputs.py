"""Which number is the action: integers, scores, probabilities, continuous actions."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from foreign_files import (
    CONTINUOUS,
    DATA,
    DISCRETE,
    MEAN,
    Graph,
    golden_observations,
    load,
    node,
    what_was_found,
)
from lander_runtime import InputRefused, UsageError
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.foreign.foreign import ForeignPolicy


def test_an_integer_is_the_action(graph: Graph, observations: Any, scores: Any) -> None:
    for keepdims, shape in ((0, ["batch"]), (1, ["batch", 1])):
        model = graph(
            [node("ArgMax", "scores", "a", axis=1, keepdims=keepdims)], {"a": (TensorProto.INT64, shape)}
        )
        policy = load(model)
        assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()
        assert not policy.can_be_sampled


def test_an_action_that_is_a_scalar_is_one(graph: Graph, observations: Any, scores: Any) -> None:
    """For a batch of one, and without its axis."""
    nodes = [node("ArgMax", "scores", "index", axis=1, keepdims=0), node("Squeeze", "index", "a")]
    policy = load(graph(nodes, {"a": (TensorProto.INT64, [])}, batch=1))
    assert policy.batch_size == 1
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()


@pytest.mark.parametrize("n", [-4, 4])
def test_an_action_that_there_is_not_is_refused(graph: Graph, observations: Any, scores: Any, n: int) -> None:
    nodes = [node("ArgMax", "scores", "index", axis=1, keepdims=0), node("Add", "index n", "a")]
    constants = {"n": np.array(n, np.int64)}
    made = graph(nodes, {"a": (TensorProto.INT64, ["batch"])}, constants=constants)
    with pytest.raises(
        InputRefused, match=r"'a' gave -?\d for a trial observation; actions are 0 to 3.*--output"
    ):
        load(made)
    policy = load(made, output="a")
    first = scores.argmax(axis=1)[0] + n
    with pytest.raises(InputRefused, match=f"'a' gave the action {first}; LunarLander-v3 has 0 to 3"):
        policy.act(observations)


def test_logits_and_probabilities_give_the_same_actions(graph: Graph, observations: Any, scores: Any) -> None:
    """Greedy and, by the same generator, sampled."""
    float_4 = (TensorProto.FLOAT, ["batch", 4])
    logits = load(graph([node("Identity", "scores", "out")], {"out": float_4}))
    probabilities = load(graph([node("Softmax", "scores", "out", axis=1)], {"out": float_4}))
    assert any("logits" in sentence for sentence in logits.assumptions)
    assert any("probabilities, since they sum to 1" in sentence for sentence in probabilities.assumptions)
    drawn = []
    for policy in (logits, probabilities):
        assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()
        drawn.append(policy.act(observations, np.random.default_rng(7)).tolist())
    assert drawn[0] == drawn[1]
    assert drawn[0] != scores.argmax(axis=1).tolist()


def test_sampled_actions_have_the_probabilities_of_the_file(graph: Graph) -> None:
    """Logits 0, log 3, -inf and -inf: one in four, three in four, never."""
    constants = {
        "zero": np.array(0, np.float32),
        "logits": np.array([0.0, np.log(3.0), -np.inf, -np.inf], np.float32),
    }
    nodes = [node("Mul", "scores zero", "nought"), node("Add", "nought logits", "out")]
    made = graph(nodes, {"out": (TensorProto.FLOAT, ["batch", 4])}, constants=constants)
    with pytest.raises(InputRefused, match=r"'out' was the same for all trial observations.*--output NAME"):
        load(made)
    policy = load(made, output="out")
    assert "It gave one and the same for every observation that was tried." in policy.assumptions
    drawn = policy.act(np.zeros((8000, 8), np.float32), np.random.default_rng(1))
    counts = np.bincount(drawn, minlength=4)
    assert counts[2:].tolist() == [0, 0]
    assert counts[1] / 8000 == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("lanes", [1, 3])
def test_sampled_episodes_do_not_depend_on_the_lanes(lanes: int) -> None:
    policy = ForeignPolicy.load(DATA / "cleanrl-actor.onnx", DISCRETE, "cpu")
    drawn = evaluate(policy, episodes=4, sampled=True, lanes=lanes)
    assert what_was_found(drawn) == what_was_found(evaluate(policy, episodes=4, sampled=True, lanes=4))
    assert drawn.results.returns.tolist() != evaluate(policy, episodes=4).results.returns.tolist()


@pytest.mark.parametrize(
    ("name", "env"), [("sb3-ppo-discrete.onnx", DISCRETE), ("cleanrl-continuous.onnx", CONTINUOUS)]
)
def test_where_there_is_nothing_to_draw_from_sampled_is_refused(name: str, env: str) -> None:
    policy = ForeignPolicy.load(DATA / name, env, "cpu", MEAN.get(name))
    with pytest.raises(UsageError, match="--sampled"):
        evaluate(policy, episodes=1, sampled=True)
    with pytest.raises(UsageError, match="--sampled"):
        policy.act(golden_observations(), np.random.default_rng(0))


def test_a_continuous_action_is_clipped_and_of_the_environments_dtype(
    graph: Graph, observations: Any, scores: Any
) -> None:
    nodes = [node("Slice", "scores start end axis", "two"), node("Cast", "two", "out", to=TensorProto.DOUBLE)]
    constants = {name: np.array([v], np.int64) for name, v in (("start", 0), ("end", 2), ("axis", 1))}
    policy = load(graph(nodes, {"out": (TensorProto.DOUBLE, ["batch", 2])}, constants=constants), CONTINUOUS)
    found = policy.act(observations)
    assert found.dtype == np.float32
    assert np.abs(scores[:, :2]).max() > 1
    np.testing.assert_array_equal(found, np.clip(scores[:, :2], -1, 1))
    assert any("clipped to its bounds" in sentence for sentence in policy.assumptions)


def test_one_of_several_outputs_may_be_named(graph: Graph, observations: Any, scores: Any) -> None:
    nodes = [node("Identity", "scores", "first"), node("Neg", "scores", "second")]
    float_4 = (TensorProto.FLOAT, ["batch", 4])
    model = graph(nodes, {"first": float_4, "second": float_4})
    with pytest.raises(InputRefused, match=r"^stranger\.onnx in LunarLander-v3: .* --output NAME"):
        load(model)
    assert load(model, output="second").act(observations).tolist() == scores.argmin(axis=1).tolist()
    with pytest.raises(UsageError, match=r"no output 'third'; the file gives 'first' .* 'second'"):
        load(model, output="third")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(graph: Graph, observations: Any, value: float) -> None:
    """Infinity less infinity is NaN, which has no place in any order."""
    nodes = [node("Mul", "scores bad", "worse"), node("Sub", "worse worse", "out")]
    constants = {"bad": np.array(value, np.float32)}
    policy = load(graph(nodes, {"out": (TensorProto.FLOAT, ["batch", 4])}, constants=constants))
    with pytest.raises(InputRefused, match="'out' contains NaN"):
        policy.act(observations)


def test_infinite_scores_have_an_order(graph: Graph, observations: Any, scores: Any) -> None:
    """Of several that are infinite the first is the largest."""
    nodes = [node("Div", "scores zero", "out")]
    constants = {"zero": np.float32(0)}
    policy = load(graph(nodes, {"out": (TensorProto.FLOAT, ["batch", 4])}, constants=constants))
    away = observations[(scores != 0).all(axis=1)]
    expected = (scores[(scores != 0).all(axis=1)] > 0).argmax(axis=1)
    assert policy.act(away).tolist() == expected.tolist()


def test_a_constant_is_no_action(graph: Graph, observations: Any, scores: Any) -> None:
    """Neither a whole number, nor numbers that only have the shape of the batch."""
    nodes = [
        node("Identity", "scores", "logits"),
        node("Identity", "three", "version_number"),
        node("Shape", "scores", "shape"),
        node("Expand", "steady shape", "log_std"),
    ]
    outputs = {
        "version_number": (TensorProto.INT64, [1]),
        "logits": (TensorProto.FLOAT, [1, 4]),
        "log_std": (TensorProto.FLOAT, [1, 4]),
    }
    constants = {"three": np.int64([3]), "steady": np.zeros((1, 4), np.float32)}
    model = graph(nodes, outputs, batch=1, constants=constants)
    assert load(model).act(observations).tolist() == scores.argmax(axis=1).tolist()
    for name in ("version_number", "log_std"):
        with pytest.raises(InputRefused, match=f"'{name}' is the same for every observation"):
            load(model, output=name)


def test_a_number_that_is_not_the_largest_score_has_to_be_named(graph: Graph, observations: Any) -> None:
    nodes = [node("Identity", "scores", "logits"), node("ArgMin", "scores", "a", axis=1, keepdims=0)]
    outputs = {"logits": (TensorProto.FLOAT, ["batch", 4]), "a": (TensorProto.INT64, ["batch"])}
    model = graph(nodes, outputs)
    with pytest.raises(InputRefused, match=r"'a' is not the number of the largest of 'logits'.*--output"):
        load(model)
    first, second = (load(model, output=name).act(observations).tolist() for name in ("a", "logits"))
    assert first != second
