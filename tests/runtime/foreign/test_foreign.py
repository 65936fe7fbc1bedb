"""Files without our metadata: from Stable-Baselines3, from plain torch.onnx.export, or built by hand."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import EnvSpec, InputRefused, LanderError, Policy, UsageError, envs
from lander_runtime.episodes.actors import actor_of
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.files import sha256_of
from lander_runtime.foreign.external_weights import with_weights
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.opening import open_policy
from lander_runtime.graphs.reading import read_model
from lander_runtime.pictures.record import record_episode
from lander_runtime.scores.report import RUN_KEYS, Report

DATA = Path(__file__).parents[2] / "data"
GOLDEN = json.loads((DATA / "foreign-policies.json").read_text(encoding="utf-8"))
FILES = sorted(GOLDEN["files"])
DISCRETE, CONTINUOUS = "LunarLander-v3", "LunarLanderContinuous-v3"
MEAN = {"cleanrl-continuous.onnx": "mean"}
"""Outputs that have to be named: beside a deviation, a mean may be of before its tanh."""


def golden_observations() -> NDArray[np.float32]:
    return np.array(GOLDEN["observations"], np.float32)


def what_was_found(report: Report) -> dict[str, Any]:
    return {key: value for key, value in report.to_json().items() if key not in RUN_KEYS}


def load(model: onnx.ModelProto, env: EnvSpec | str = DISCRETE, output: str | None = None) -> ForeignPolicy:
    return ForeignPolicy.from_bytes(model.SerializeToString(), Path("stranger.onnx"), env, "cpu", output)


Graph = Callable[..., onnx.ModelProto]


@pytest.fixture
def graph() -> Graph:
    """(nodes from `obs` and `scores` to outputs, outputs, batch=, dtype=, obs_shape=) -> a model.

    `scores` are the observations times a fixed matrix, `[batch, 4]`.
    """

    def build(
        nodes: list[onnx.NodeProto],
        outputs: dict[str, tuple[int, list[Any]]],
        *,
        batch: Any = "batch",
        dtype: Any = np.float32,
        obs_shape: tuple[Any, ...] = (8,),
        constants: dict[str, NDArray[Any]] | None = None,
    ) -> onnx.ModelProto:
        weights = (np.random.default_rng(3).integers(-8, 9, (8, 4)) / 8).astype(dtype)
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        shape = [batch, *obs_shape] if batch is not None else list(obs_shape)
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["obs", "weights"], ["scores"]), *nodes],
            "stranger",
            [helper.make_tensor_value_info("obs", kind, shape)],
            [helper.make_tensor_value_info(name, *what) for name, what in outputs.items()],
            [
                numpy_helper.from_array(array, name)
                for name, array in {"weights": weights, **(constants or {})}.items()
            ],
        )
        return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])

    return build


@pytest.fixture
def observations() -> NDArray[np.float32]:
    return np.random.default_rng(5).standard_normal((40, 8)).astype(np.float32)


@pytest.fixture
def scores(graph: Graph, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """`scores` of `observations`, `[40, 4]`."""
    model = graph([node("Identity", "scores", "s")], {"s": (TensorProto.FLOAT, ["batch", 4])})
    return load(model).outputs(observations)["logits"]


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


# As their authors' libraries see them


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


def with_weights_beside(folder: Path) -> Path:
    """A copy of the file that PyTorch wrote in two."""
    for name in ("cleanrl-actor.onnx", "cleanrl-actor.onnx.data"):
        (folder / name).write_bytes((DATA / name).read_bytes())
    return folder / "cleanrl-actor.onnx"


def test_weights_beside_the_file_belong_to_it(tmp_path: Path) -> None:
    path = with_weights_beside(tmp_path)
    policy = open_policy(path, DISCRETE, "cpu")
    both = path.read_bytes() + (tmp_path / "cleanrl-actor.onnx.data").read_bytes()
    assert policy.sha256 == sha256_of(both)
    assert evaluate(policy, episodes=20, workers=2).results.returns.tolist() == (
        evaluate(ForeignPolicy.load(path, DISCRETE, "cpu"), episodes=20).results.returns.tolist()
    )
    path.with_name("cleanrl-actor.onnx.data").unlink()
    for open_it in (open_policy, ForeignPolicy.load):
        with pytest.raises(InputRefused, match=r"another file, and .*\.data: cannot be read .*external_data"):
            open_it(path, DISCRETE, "cpu")


def test_a_file_with_external_weights_needs_an_environment_first(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="--env"):
        open_policy(with_weights_beside(tmp_path), device="cpu")


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("location", "folder/secret.bin"),
        ("location", "folder\\secret.bin"),
        ("location", ".."),
        ("location", "../cleanrl-actor.onnx.data"),
        ("location", "./cleanrl-actor.onnx.data"),
        ("location", "/etc/hostname"),
        ("location", ""),
        ("offset", "100000"),
        ("offset", "-4"),
        ("offset", "9" * 400),
        ("length", "100000"),
        ("length", "\u0664"),
        ("length", "0"),
    ],
)
def test_no_other_file_and_no_other_part_is_read(tmp_path: Path, entry: str, value: str) -> None:
    path = with_weights_beside(tmp_path)
    (tmp_path / "secret.bin").write_bytes(bytes(100_000))
    model = onnx.load(path, load_external_data=False)
    found = 0
    for tensor in model.graph.initializer:
        for item in tensor.external_data:
            if item.key == entry:
                item.value = value
                found += 1
    assert found
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputRefused, match=r"^cleanrl-actor\.onnx: "):
        open_policy(path, DISCRETE, "cpu")


def test_weights_are_not_multiplied_without_end() -> None:
    """A thousand tensors that name the same megabyte."""
    tensors = []
    for number in range(1000):
        tensor = TensorProto(name=str(number), dims=[1 << 18], data_type=TensorProto.FLOAT)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="x.onnx.data")
        tensors.append(tensor)
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors)).SerializeToString()
    with pytest.raises(InputRefused, match=r"^x\.onnx: names more weights"):
        with_weights(
            read_model(model, "x.onnx"), {"x.onnx.data": bytes(1 << 20)}, Path("x.onnx"), limit=1 << 24
        )


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


def in_two_files(folder: Path, name: str) -> Path:
    """The file that PyTorch wrote in two, its weights under another name."""
    folder.mkdir(parents=True, exist_ok=True)
    model = onnx.load(DATA / "cleanrl-actor.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for item in tensor.external_data:
            if item.key == "location":
                item.value = name
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / name).write_bytes((DATA / "cleanrl-actor.onnx.data").read_bytes())
    return folder / "model.onnx"


def test_weights_have_the_name_that_the_file_gives(tmp_path: Path) -> None:
    policy = open_policy(in_two_files(tmp_path, "any weights.bin"), DISCRETE, "cpu")
    assert policy.act(golden_observations()).tolist() == GOLDEN["files"]["cleanrl-actor.onnx"]["actions"]


def test_weights_may_be_in_several_files(tmp_path: Path) -> None:
    model = onnx.load(DATA / "cleanrl-actor.onnx")
    onnx.save(
        model,
        tmp_path / "m.onnx",
        save_as_external_data=True,
        all_tensors_to_one_file=False,
        size_threshold=0,
    )
    assert len(list(tmp_path.iterdir())) > 2
    policy = open_policy(tmp_path / "m.onnx", DISCRETE, "cpu")
    assert policy.act(golden_observations()).tolist() == GOLDEN["files"]["cleanrl-actor.onnx"]["actions"]


def test_links_are_followed_as_download_caches_have_them(tmp_path: Path) -> None:
    """Two links of one folder into another."""
    stored = in_two_files(tmp_path / "blobs", "model.bin")
    shown = tmp_path / "snapshots" / "1"
    shown.mkdir(parents=True)
    (shown / "model.onnx").symlink_to(stored)
    (shown / "model.bin").symlink_to(tmp_path / "blobs" / "model.bin")
    assert open_policy(shown / "model.onnx", DISCRETE, "cpu").act(golden_observations()[0]) in range(4)


@pytest.mark.parametrize("whole", [True, False], ids=["model is a file", "links lead apart"])
def test_other_links_are_not_followed(tmp_path: Path, whole: bool) -> None:
    here = in_two_files(tmp_path / "here", "model.bin")
    secret = tmp_path / "secret.bin"
    (tmp_path / "here" / "model.bin").rename(secret)
    (tmp_path / "here" / "model.bin").symlink_to(secret)
    if not whole:
        (tmp_path / "elsewhere").mkdir()
        here = here.rename(tmp_path / "elsewhere" / "model.onnx")
        (tmp_path / "here" / "model.onnx").symlink_to(here)
        here = tmp_path / "here" / "model.onnx"
    with pytest.raises(InputRefused, match="a link to another place"):
        open_policy(here, DISCRETE, "cpu")


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


# Outputs


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


# Inputs and batches


def test_float64_is_cast_and_said(graph: Graph, observations: Any, scores: Any) -> None:
    model = graph(
        [node("Identity", "scores", "out")], {"out": (TensorProto.DOUBLE, ["batch", 4])}, dtype=np.float64
    )
    policy = load(model)
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()
    assert "They are float32 and cast to float64." in policy.assumptions


@pytest.mark.parametrize("batch", [1, 3, 32, 100])
def test_a_fixed_batch_is_filled_up(graph: Graph, observations: Any, scores: Any, batch: int) -> None:
    model = graph([node("Identity", "scores", "out")], {"out": (TensorProto.FLOAT, [batch, 4])}, batch=batch)
    policy = load(model)
    assert policy.batch_size == batch
    assert f"The graph takes batches of {batch} only." in policy.assumptions
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()
    reports = [evaluate(policy, episodes=5, lanes=lanes) for lanes in (1, 5)]
    assert what_was_found(reports[0]) == what_was_found(reports[1])


def test_a_graph_without_a_batch_takes_one_at_a_time(graph: Graph, observations: Any, scores: Any) -> None:
    model = graph([node("Identity", "scores", "out")], {"out": (TensorProto.FLOAT, [4])}, batch=None)
    policy = load(model)
    assert "The graph takes one observation at a time." in policy.assumptions
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()


def test_a_graph_with_a_wrong_symbolic_batch_runs_row_by_row(
    graph: Graph, observations: Any, scores: Any
) -> None:
    """The Reshape to the example's size that tracing leaves behind."""
    constants = {"shape": np.array([1, 4], np.int64)}
    model = graph(
        [node("Reshape", "scores shape", "out")],
        {"out": (TensorProto.FLOAT, ["batch", 4])},
        constants=constants,
    )
    policy = load(model)
    assert policy.batch_size == 1
    assert any("one observation at a time is all that works" in said for said in policy.assumptions)
    assert policy.act(observations).tolist() == scores.argmax(axis=1).tolist()


def test_rows_that_influence_each_other_run_alone(graph: Graph) -> None:
    """A softmax over the batch: what it says of one observation would depend on the lanes."""
    nodes = [node("Softmax", "scores", "share", axis=0), node("Add", "share scores", "out")]
    policy = load(graph(nodes, {"out": (TensorProto.FLOAT, ["batch", 4])}))
    assert policy.batch_size == 1
    with pytest.raises(InputRefused, match=r"influence each other.*batch of 1"):
        load(graph(nodes, {"out": (TensorProto.FLOAT, [16, 4])}, batch=16))


def test_a_quantiser_over_the_batch_runs_row_by_row(graph: Graph, drifting: EnvSpec) -> None:
    """Its scale is that of the largest number in the batch, and zeros beside a row do not change that."""
    nodes = [
        node("DynamicQuantizeLinear", "scores", "q scale point"),
        node("DequantizeLinear", "q scale point", "logits"),
        node("ArgMax", "logits", "a", axis=1, keepdims=0),
    ]
    outputs = {"logits": (TensorProto.FLOAT, ["batch", 4]), "a": (TensorProto.INT64, ["batch"])}
    for kept in (outputs, {"a": outputs["a"]}):
        policy = load(graph(nodes, kept), drifting)
        assert policy.batch_size == 1
        reports = [evaluate(policy, episodes=12, lanes=lanes, workers=1).sha256 for lanes in (1, 5, 12)]
        assert len(set(reports)) == 1


@pytest.mark.parametrize(
    "mixing",
    [
        [node("ReduceMax", "scores", "m", keepdims=0), node("Div", "scores m", "out")],
        [node("ReduceMean", "scores first", "m", keepdims=1), node("Max", "scores m", "out")],
        [node("Slice", "scores first second first", "m"), node("Max", "scores m", "out")],
        [
            node("ReduceMax", "scores", "m", keepdims=0),
            node("Greater", "m large", "b"),
            node("Where", "b negative scores", "out"),
            node("Neg", "scores", "negative"),
        ],
    ],
    ids=["largest", "mean", "first row", "threshold"],
)
def test_rows_that_mix_in_other_ways_run_alone(graph: Graph, mixing: list[onnx.NodeProto]) -> None:
    nodes = sorted(mixing, key=lambda item: item.output[0] != "negative")
    constants = {"first": np.int64([0]), "second": np.int64([1]), "large": np.float32(500)}
    used = {name for item in nodes for name in item.input}
    constants = {name: value for name, value in constants.items() if name in used}
    for argmax in (False, True):
        outputs = {"out": (TensorProto.FLOAT, ["batch", 4])}
        more = [node("ArgMax", "out", "a", axis=1, keepdims=0)] if argmax else []
        outputs = {"a": (TensorProto.INT64, ["batch"])} if argmax else outputs
        assert load(graph([*nodes, *more], outputs, constants=constants)).batch_size == 1


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


@pytest.mark.parametrize("sizes", [(3, 2, 4), (None, None, None)], ids=["given", "open"])
def test_pictures_are_transposed_where_the_file_wants_channels_first(
    register: Callable[..., str], drifting_class: type[Any], sizes: tuple[Any, ...]
) -> None:
    import gymnasium

    class Colours(drifting_class):  # type: ignore[misc, valid-type]
        observation_space = gymnasium.spaces.Box(0, 255, (2, 4, 3), np.uint8)

    nodes = [
        node("Conv", "obs kernel", "c"),
        node("GlobalAveragePool", "c", "p"),
        node("Flatten", "p", "out"),
    ]
    kernel = np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.1, 0.1, 0.1]]).reshape(4, 3, 1, 1)
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", *sizes])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    policy = load(model, EnvSpec(register(Colours)))
    for colour in range(3):
        picture = np.zeros((2, 4, 3), np.uint8)
        picture[..., colour] = 200
        assert policy.act(picture) == colour
    assert any("transposed to channels first" in said for said in policy.assumptions)


def test_pictures_may_be_flat_floats(register: Callable[..., str], drifting_class: type[Any]) -> None:
    """uint8 `[2, 4]` into float32 `[batch, 8]`: 0 to 255 as they are, in the order of the rows."""
    import gymnasium

    class Pictures(drifting_class):  # type: ignore[misc, valid-type]
        observation_space = gymnasium.spaces.Box(0, 255, (2, 4), np.uint8)

    nodes = [node("Identity", "obs", "seen")]
    graph = helper.make_graph(
        [*nodes, node("Slice", "seen start end axis", "out")],
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 4])],
        [
            numpy_helper.from_array(np.array([value], np.int64), name)
            for name, value in (("start", 4), ("end", 8), ("axis", 1))
        ],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    policy = load(model, EnvSpec(register(Pictures)))
    pictures = np.array([[[9, 9, 9, 9], [0, 1, 255, 2]], [[255, 255, 255, 255], [7, 0, 0, 0]]], np.uint8)
    assert policy.act(pictures).tolist() == [2, 0]
    assert any("'obs' flattened row by row" in said for said in policy.assumptions)
    assert "They are uint8 and cast to float32, 0 to 255 and not scaled." in policy.assumptions


@pytest.mark.parametrize(
    ("obs", "message"),
    [
        (np.zeros(7, np.float32), "shape"),
        (np.zeros((0, 8), np.float32), "shape"),
        (np.zeros((2, 2, 8), np.float32), "shape"),
        (np.full(8, np.nan, np.float32), "must be finite"),
    ],
    ids=str,
)
def test_an_observation_that_does_not_fit_is_refused(obs: Any, message: str) -> None:
    policy = ForeignPolicy.load(DATA / "cleanrl-agent.onnx", DISCRETE, "cpu")
    with pytest.raises(UsageError, match=message):
        policy.act(obs)


# What does not fit


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


# Hostile


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


# Pickled


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
