"""The gate: what passes, and everything that must not.

`EYE` is the simplest policy there is: its logits are its observation. Models that should agree with
it, or should not, are written out operator by operator.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from lander_export.gate import (
    check_agreement,
    check_form,
    verification_observations,
)
from lander_export.graph import DiscretePolicyGraph
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.seeds import FIRST_EVALUATION_SEED, FIRST_SELECTION_SEED, FIRST_VERIFICATION_SEED
from lander_runtime.spec import EnvSpec, Space
from lander_trainer import TrainConfig

SIZE = 4
EYE = DiscretePolicyGraph(nn.Identity())


def model_of(
    *nodes: NodeProto, opset: int = 18, ir_version: int = 8, constants: dict[str, Any] | None = None
) -> ModelProto:
    """obs `[batch, 4]` -> action, logits; a node may use `one`, `last` and whatever is in `constants`."""
    arrays = {"one": np.array([1], np.int64), "last": np.array([-1], np.int64), **(constants or {})}
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        list(nodes),
        "policy",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", SIZE])],
        [
            helper.make_tensor_value_info("action", TensorProto.INT64, ["batch"]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", SIZE]),
        ],
        [numpy_helper.from_array(array, name) for name, array in arrays.items() if name in used],
    )
    domains = {node.domain for node in nodes} | {""}
    imports = [helper.make_opsetid(domain, opset if domain == "" else 1) for domain in sorted(domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version)


COPY = helper.make_node("Identity", ["obs"], ["logits"])
BEST = [
    helper.make_node("TopK", ["obs", "one"], ["top", "index"]),
    helper.make_node("Squeeze", ["index", "last"], ["action"]),
]


def noise(operator: str, *inputs: str, **attributes: Any) -> list[NodeProto]:
    """Logits with a little of a random operator's output added."""
    return [
        helper.make_node(operator, list(inputs), ["noise"], **attributes),
        helper.make_node("Add", ["obs", "noise"], ["logits"]),
    ]


def rows(*values: list[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def agreement(model: ModelProto, observations: NDArray[Any], **options: float) -> Any:
    return check_agreement(EYE, model.SerializeToString(), observations, **options)


@pytest.fixture(scope="module")
def observations(graph: DiscretePolicyGraph, lunar_lander: EnvSpec, observation: Space) -> NDArray[Any]:
    """The observations that the shared policy is compared on."""
    return verification_observations(graph, lunar_lander, observation)


# check_form


def test_exported_model_passes(built: ModelProto) -> None:
    check_form(built)


def test_plain_model_passes() -> None:
    check_form(model_of(COPY, *BEST))


@pytest.mark.parametrize("opset", [17, 19])
def test_other_opset_is_refused(opset: int) -> None:
    with pytest.raises(CheckFailed, match=rf"opset 18 .*{opset}"):
        check_form(model_of(COPY, *BEST, opset=opset))


def test_newer_ir_version_is_refused() -> None:
    with pytest.raises(CheckFailed, match="IR version 9; at most 8"):
        check_form(model_of(COPY, *BEST, ir_version=9))


def test_older_ir_version_passes() -> None:
    check_form(model_of(COPY, *BEST, ir_version=7))


def test_operator_of_another_domain_is_refused() -> None:
    foreign = helper.make_node("Gelu", ["obs"], ["logits"], domain="com.microsoft")
    with pytest.raises(CheckFailed, match="default domain only"):
        check_form(model_of(foreign, *BEST))


def test_argmax_is_refused() -> None:
    argmax = helper.make_node("ArgMax", ["obs"], ["action"], axis=1, keepdims=0)
    with pytest.raises(CheckFailed, match="operators that policies may not: ArgMax"):
        check_form(model_of(COPY, argmax))


@pytest.mark.parametrize(
    "nodes",
    [
        noise("RandomNormalLike", "obs", scale=1e-3),
        noise("RandomUniformLike", "obs", high=1e-3),
        noise("RandomNormal", shape=[1, SIZE]),
        noise("RandomUniform", shape=[1, SIZE]),
        [
            helper.make_node("Sigmoid", ["obs"], ["chance"]),
            *noise("Bernoulli", "chance"),
        ],
    ],
    ids=["RandomNormalLike", "RandomUniformLike", "RandomNormal", "RandomUniform", "Bernoulli"],
)
def test_random_operator_is_refused_by_name(nodes: list[NodeProto], request: pytest.FixtureRequest) -> None:
    with pytest.raises(CheckFailed, match=request.node.callspec.id):
        check_form(model_of(*nodes, *BEST))


def test_multinomial_is_refused() -> None:
    draw = helper.make_node("Multinomial", ["obs"], ["drawn"], dtype=TensorProto.INT64)
    squeeze = helper.make_node("Squeeze", ["drawn", "last"], ["action"])
    with pytest.raises(CheckFailed, match="Multinomial"):
        check_form(model_of(COPY, draw, squeeze))


def test_dropout_in_training_is_refused() -> None:
    # Random too, although its name does not say so.
    dropout = helper.make_node("Dropout", ["obs", "ratio", "training"], ["logits"])
    constants = {"ratio": np.array(0.5, np.float32), "training": np.array(True)}
    with pytest.raises(CheckFailed, match="Dropout"):
        check_form(model_of(dropout, *BEST, constants=constants))


def test_control_flow_is_refused() -> None:
    result = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, ["batch", SIZE])
    branch = helper.make_graph([helper.make_node("Identity", ["obs"], ["chosen"])], "branch", [], [result])
    choose = helper.make_node("If", ["yes"], ["logits"], then_branch=branch, else_branch=branch)
    with pytest.raises(CheckFailed, match="If"):
        check_form(model_of(choose, *BEST, constants={"yes": np.array(True)}))


def test_function_is_refused() -> None:
    model = model_of(COPY, *BEST)
    inside = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(
        helper.make_function("", "Mine", ["x"], ["y"], [inside], [helper.make_opsetid("", 18)])
    )
    with pytest.raises(CheckFailed):
        check_form(model)


def test_weights_in_another_file_are_refused(
    model: ModelProto, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    tensor = next(t for t in model.graph.initializer if t.name == "actor.0.weight")
    (tmp_path / "weights.bin").write_bytes(tensor.raw_data)
    onnx.external_data_helper.set_external_data(tensor, "weights.bin", 0, len(tensor.raw_data))
    tensor.ClearField("raw_data")
    with pytest.raises(CheckFailed, match="weights in another file"):
        check_form(model)


@pytest.mark.parametrize("missing", ["logits", "action"])
def test_model_that_is_not_valid_is_refused(missing: str) -> None:
    nodes = [node for node in (COPY, *BEST) if missing not in node.output]
    with pytest.raises(CheckFailed, match="not valid ONNX"):
        check_form(model_of(*nodes))


def test_shapes_that_contradict_each_other_are_refused() -> None:
    wider = helper.make_node("Concat", ["obs", "obs"], ["logits"], axis=1)
    with pytest.raises(CheckFailed, match="not valid ONNX"):
        check_form(model_of(wider, *BEST))


# check_agreement

APART = rows([1, 0, 0, 0], [0, 3, 2, 0], [-1, -2, 0, 5], [9, 9.5, 0, 0])


def test_equal_models_agree_on_everything() -> None:
    verification = agreement(model_of(COPY, *BEST), APART)
    assert (verification.observations, verification.max_difference) == (4, 0.0)
    assert (verification.action_agreement, verification.ties) == (1.0, 0)


def test_exported_model_agrees(
    built: ModelProto, graph: DiscretePolicyGraph, observations: NDArray[Any]
) -> None:
    verification = check_agreement(graph, built.SerializeToString(), observations)
    assert verification.observations == len(observations)
    assert 0.0 <= verification.max_difference <= 1e-5
    assert verification.action_agreement >= 1.0 - verification.ties / len(observations)


def shifted(by: float) -> ModelProto:
    """Adds `by` to the third logit; the action stays that of the observation."""
    add = helper.make_node("Add", ["obs", "shift"], ["logits"])
    return model_of(add, *BEST, constants={"shift": rows([0, 0, by, 0])})


def test_logits_beyond_the_tolerance_fail() -> None:
    with pytest.raises(CheckFailed, match=r"differ by 0\.001 .* allowed is 1e-05"):
        agreement(shifted(1e-3), APART)


def test_logits_within_the_tolerance_pass_and_are_reported() -> None:
    assert agreement(shifted(5e-6), APART).max_difference == pytest.approx(5e-6, rel=0.1)
    assert agreement(shifted(1e-3), APART, tolerance=2e-3).max_difference == pytest.approx(1e-3, rel=0.01)


def test_difference_is_relative_above_one() -> None:
    # 0.0625 of 10,000 is 6.25e-6 of it; 0.0625 of 1 is far too much.
    large = rows([0, 0, 10_000, 0])
    assert agreement(shifted(0.0625), large).max_difference == pytest.approx(6.25e-6)
    with pytest.raises(CheckFailed):
        agreement(shifted(0.0625), rows([0, 0, 1, 0]))


def test_one_bad_row_among_many_is_found() -> None:
    # The shift shows only where the first number is above 50.
    nodes = [
        helper.make_node("Greater", ["obs", "limit"], ["far"]),
        helper.make_node("Add", ["obs", "shift"], ["moved"]),
        helper.make_node("Where", ["far", "moved", "obs"], ["logits"]),
    ]
    constants = {"limit": np.float32(50), "shift": np.float32(1)}
    model = model_of(*nodes, *BEST, constants=constants)
    many = np.random.default_rng(1).normal(size=(500, SIZE)).astype(np.float32)
    agreement(model, many)
    many[333, 1] = 60
    with pytest.raises(CheckFailed, match="Logits differ"):
        agreement(model, many)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_fail(bad: float) -> None:
    nodes = [
        helper.make_node("Greater", ["obs", "limit"], ["far"]),
        helper.make_node("Where", ["far", "bad", "obs"], ["logits"]),
    ]
    constants = {"limit": np.float32(50), "bad": np.float32(bad)}
    with pytest.raises(CheckFailed):
        agreement(model_of(*nodes, *BEST, constants=constants), rows([1, 2, 3, 4], [0, 60, 0, 0]))


def test_network_that_gives_nan_fails_on_both_sides() -> None:
    class Broken(nn.Module):
        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return obs * torch.nan

    nodes = [helper.make_node("Mul", ["obs", "nan"], ["logits"])]
    model = model_of(*nodes, *BEST, constants={"nan": np.float32(np.nan)})
    with pytest.raises(CheckFailed):
        check_agreement(DiscretePolicyGraph(Broken()), model.SerializeToString(), APART)


def reversed_best() -> list[NodeProto]:
    """The last index of equal numbers, where TopK itself takes the first."""
    return [
        helper.make_node("Gather", ["obs", "backwards"], ["flipped"], axis=1),
        helper.make_node("TopK", ["flipped", "one"], ["top", "index"]),
        helper.make_node("Squeeze", ["index", "last"], ["from_the_end"]),
        helper.make_node("Sub", ["three", "from_the_end"], ["action"]),
    ]


BACKWARDS = {"backwards": np.array([3, 2, 1, 0], np.int64), "three": np.array(3, np.int64)}


def test_ties_are_counted_and_are_no_disagreement() -> None:
    tied = rows([2, 0, 0, 2], [1, 1, 1, 1], [0, 3, 3, 0])
    verification = agreement(
        model_of(COPY, *reversed_best(), constants=BACKWARDS), np.concatenate([APART, tied])
    )
    assert verification.ties == 3
    assert 4 / 7 <= verification.action_agreement < 1.0


def test_logits_closer_than_the_error_allowed_on_each_are_ties() -> None:
    # 1.5e-5 is within twice the tolerance, 2.5e-5 is not.
    near = rows([0, 1, 1 + 1.5e-5, 0], [0, 1, 1 + 2.5e-5, 0])
    assert agreement(model_of(COPY, *BEST), near).ties == 1


def test_other_action_without_a_tie_fails() -> None:
    worst = [
        helper.make_node("Neg", ["obs"], ["negative"]),
        helper.make_node("TopK", ["negative", "one"], ["top", "index"]),
        helper.make_node("Squeeze", ["index", "last"], ["action"]),
    ]
    with pytest.raises(CheckFailed, match="4 of 4 observations give another action"):
        agreement(model_of(COPY, *worst), APART)


def test_one_other_action_among_ties_fails() -> None:
    always_first = helper.make_node("ReduceSum", ["index"], ["sum"], keepdims=0)  # of all rows together
    model = model_of(
        COPY,
        helper.make_node("TopK", ["obs", "one"], ["top", "index"]),
        helper.make_node("Squeeze", ["index", "last"], ["right"]),
        always_first,
        helper.make_node("Mod", ["sum", "one"], ["zero"]),
        helper.make_node("Mul", ["right", "zero"], ["action"]),
    )
    with pytest.raises(CheckFailed, match="1 of 3 observations"):
        agreement(model, rows([1, 1, 0, 0], [5, 0, 0, 0], [0, 5, 0, 0]))


def test_output_that_depends_on_the_rest_of_the_batch_fails() -> None:
    # Logits are summed over the batch: right for a single row, wrong for more.
    together = helper.make_node("ReduceSum", ["obs", "rows"], ["sum"])
    like_obs = helper.make_node("Add", ["sum", "nothing"], ["logits"])
    nothing = helper.make_node("Sub", ["obs", "obs"], ["nothing"])
    model = model_of(together, nothing, like_obs, *BEST, constants={"rows": np.array([0], np.int64)})
    agreement(model, rows([1, 0, 0, 0]))
    with pytest.raises(CheckFailed, match="Logits differ"):
        agreement(model, rows([1, 0, 0, 0], [0, 1, 0, 0]))


# verification_observations


def test_observations_are_the_same_every_time(
    graph: DiscretePolicyGraph, lunar_lander: EnvSpec, observation: Space, observations: NDArray[Any]
) -> None:
    torch.manual_seed(2)
    np.random.seed(2)
    assert np.array_equal(observations, verification_observations(graph, lunar_lander, observation))


def test_observations_are_from_episodes_random_and_extreme(
    observation: Space, observations: NDArray[Any]
) -> None:
    assert observations.dtype == np.float32
    assert observations.shape[1:] == (8,)
    assert np.isfinite(observations).all()
    # from episodes: the first observation after a reset, with y near 1.4 and no leg on the ground
    assert abs(observations[0, 1] - 1.4) < 0.1
    low, high = np.asarray(observation.low, np.float32), np.asarray(observation.high, np.float32)
    # random: over the whole of each bound
    inside = observations[np.all((observations >= low) & (observations <= high), axis=1)]
    assert len(inside) > 1000
    span = (inside.max(0) - inside.min(0)) / (high - low)
    assert np.all(span > 0.99)
    # the corners themselves
    assert np.any(np.all((observations == low) | (observations == high), axis=1))
    # extreme: zero, denormal and far outside
    for extreme in (0.0, 1e-38, -1e-38, 1e6, -1e6):
        assert np.any(np.all(observations == np.float32(extreme), axis=1)), extreme


def test_space_without_bounds_gets_finite_observations(register: Callable[..., EnvSpec]) -> None:
    spec = register()
    space = Space("Box", (3,), "float32", low=[-1.0, None, None], high=None)
    observations = verification_observations(DiscretePolicyGraph(nn.Linear(3, 2)), spec, space)
    assert np.isfinite(observations).all()
    made_up = observations[-1292:-12]  # 1,024 random ones and 256 corners, before the 12 extreme ones
    assert made_up.min(0).tolist() == pytest.approx([-1, -10, -10], abs=0.1)
    assert made_up.max(0).tolist() == pytest.approx([10, 10, 10], abs=0.1)


def test_bounds_may_be_one_number_for_all_components(register: Callable[..., EnvSpec]) -> None:
    space = Space("Box", (3,), "float32", low=0.0, high=255.0)
    observations = verification_observations(DiscretePolicyGraph(nn.Linear(3, 2)), register(), space)
    made_up = observations[-1292:-12]
    assert made_up.min(0).tolist() == [0, 0, 0]
    assert made_up.max(0).tolist() == [255, 255, 255]


class SeedEnv(gymnasium.Env[Any, Any]):
    """Two steps an episode; keeps the seeds that it was reset with."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    seeds: ClassVar[list[int]] = []

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        assert seed is not None
        self.seeds.append(seed)
        self._step = 0
        return np.zeros(3, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        return np.zeros(3, np.float32), 0.0, self._step == 2, False, {}


@pytest.fixture
def register() -> Any:
    """Registers a fresh `SeedEnv` for the length of one test."""

    def make() -> EnvSpec:
        SeedEnv.seeds.clear()
        gymnasium.register("SeedEnv-v0", entry_point=SeedEnv)
        return EnvSpec("SeedEnv-v0")

    yield make
    gymnasium.registry.pop("SeedEnv-v0", None)


def test_verification_runs_episodes_on_seeds_of_its_own(register: Callable[..., EnvSpec]) -> None:
    space = Space("Box", (3,), "float32")
    verification_observations(DiscretePolicyGraph(nn.Linear(3, 2)), register(), space)
    assert len(SeedEnv.seeds) > 0
    assert min(SeedEnv.seeds) == FIRST_VERIFICATION_SEED
    assert max(SeedEnv.seeds) < FIRST_EVALUATION_SEED
    # Selection takes its seeds from FIRST_SELECTION_SEED on; it must not be able to reach as far as these.
    with pytest.raises(UsageError, match="selection_episodes"):
        TrainConfig(selection_episodes=FIRST_VERIFICATION_SEED - FIRST_SELECTION_SEED + 1)
