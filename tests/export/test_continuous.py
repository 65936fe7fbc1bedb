"""Policies with continuous actions and normalised observations: the file does what training did."""

import math
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from lander_export import export, load_source
from lander_export.double import run_in_double
from lander_export.gate import check_agreement, check_form, verification_observations
from lander_export.graph import ContinuousPolicyGraph, NormalisedActor, PolicyGraph
from lander_export.model import build_model
from lander_runtime import envs
from lander_runtime.errors import CheckFailed, UsageError
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.policy import Policy
from lander_runtime.policy.session import open_session
from lander_runtime.spec import EnvSpec, Space
from lander_trainer import Checkpoint, Progress, TrainConfig
from lander_trainer.networks.build import build_network
from lander_trainer.plan import check_trainable
from lander_trainer.ppo.distributions import distribution_of
from lander_trainer.ppo.normaliser import Normaliser, RunningMoments
from lander_trainer.runs.checkpoint import named_tensors, network_tensors

SEED = 4
OBS = np.random.default_rng(SEED).normal(0.0, 3.0, (40, 3)).astype(np.float32)


def vector(dtype: str = "float32") -> Space:
    return Space("Box", (3,), dtype)


def actor_of(outputs: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, outputs))


def graph_of(action: Space, log_std: list[float]) -> ContinuousPolicyGraph:
    return ContinuousPolicyGraph(actor_of(len(log_std)), torch.tensor(log_std), action).eval()


def outputs_of(graph: PolicyGraph, obs: NDArray[Any], space: Space | None = None) -> dict[str, NDArray[Any]]:
    """ONNX Runtime's outputs for `obs`."""
    model = build_model(graph, space or vector(), graph.outputs)
    check_form(model)
    session = open_session(read_model(model.SerializeToString(), "it"), "it", "cpu")
    return dict(zip(graph.outputs, session.run(graph.outputs, {"obs": obs}), strict=True))


# The graph.


@pytest.mark.parametrize(
    ("shape", "low", "high"),
    [
        ((2,), -0.2, 0.2),
        ((2,), [0.0, -0.1], [0.1, 5.0]),
        ((2,), None, None),
        ((2,), [None, -0.1], 0.05),
        ((), -0.1, 0.1),
        ((2, 1), -0.1, 0.1),
        ((2, 3), -0.1, 0.1),
    ],
    ids=str,
)
def test_action_is_the_mean_within_the_bounds_in_the_shape_of_the_space(
    shape: tuple[int, ...], low: Any, high: Any
) -> None:
    action = Space("Box", shape, "float32", low=low, high=high)
    log_std = np.linspace(-1, 1, math.prod(shape), dtype=np.float32)
    graph = graph_of(action, log_std.tolist())
    batch, found = len(OBS), outputs_of(graph, OBS)
    assert {name: (array.shape, array.dtype) for name, array in found.items()} == dict.fromkeys(
        ("action", "mean", "log_std"), ((batch, *shape), np.float32)
    )
    with torch.no_grad():
        mean = graph.actor(torch.from_numpy(OBS)).numpy()
    assert np.allclose(found["mean"].reshape(batch, -1), mean, atol=1e-6)
    assert np.array_equal(found["log_std"].reshape(batch, -1), np.tile(log_std, (batch, 1)))
    # The same as training gives the environment.
    outputs = np.concatenate([found["mean"].reshape(batch, -1), np.tile(log_std, (batch, 1))], axis=1)
    assert np.array_equal(found["action"], distribution_of(action).greedy(outputs))
    if low is not None:
        assert not np.array_equal(found["action"], found["mean"])


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "int32"])
def test_observations_may_be_of_other_numbers(dtype: str) -> None:
    graph = graph_of(Space("Box", (2,), "float32"), [0.0, 0.0])
    obs = np.arange(12).reshape(4, 3).astype(dtype)
    found = outputs_of(graph, obs, vector(dtype))
    with torch.no_grad():
        expected = graph.actor(torch.from_numpy(obs).float()).numpy()
    assert np.allclose(found["mean"], expected, atol=1e-6)


def test_normalisation_is_that_of_training() -> None:
    normaliser = Normaliser(TrainConfig(normalize_observations=True), (3,))
    moments = RunningMoments((3,))
    moments.update(np.random.default_rng(1).normal([5.0, -300.0, 0.01], [2.0, 50.0, 0.001], (500, 3)))
    normaliser.restore({f"observations.{name}": array for name, array in moments.state().items()})
    assert normaliser.frozen is not None
    actor, action = actor_of(2), Space("Box", (2,), "float32")
    graph = ContinuousPolicyGraph(NormalisedActor(actor, *normaliser.frozen), torch.zeros(2), action).eval()
    raw = np.concatenate([OBS, 1e6 * OBS[:5], [[5.0, -300.0, 0.01]]]).astype(np.float32)
    with torch.no_grad():
        expected = actor(torch.from_numpy(normaliser.observations(raw))).numpy()
    assert np.allclose(outputs_of(graph, raw)["mean"], expected, atol=1e-6)


# The gate.


def perturbed(built: onnx.ModelProto, output: str, by: float, row: float) -> bytes:
    """`built` with `by` added to an output wherever the first number of an observation is above `row`."""
    model = onnx.ModelProto()
    model.CopyFrom(built)
    graph = model.graph
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == output:
                node.output[index] = "before"
        for index, name in enumerate(node.input):
            if name == output:
                node.input[index] = "before"
    graph.initializer.extend(
        numpy_helper.from_array(array, name)
        for name, array in {
            "by": np.float32([by]), "row": np.float32([row]), "zero": np.int64([0]), "none": np.float32([0]),
            "one": np.int64([1]),
        }.items()
    )  # fmt: skip
    graph.node.extend(
        [
            helper.make_node("Slice", ["obs", "zero", "one", "one"], ["first"]),
            helper.make_node("Greater", ["first", "row"], ["there"]),
            helper.make_node("Where", ["there", "by", "none"], ["shift"]),
            helper.make_node("Add", ["before", "shift"], [output]),
        ]
    )
    return model.SerializeToString()


@pytest.fixture(scope="module")
def graph() -> ContinuousPolicyGraph:
    return graph_of(Space("Box", (2,), "float32", low=-1.0, high=1.0), [-0.5, 0.5])


@pytest.fixture(scope="module")
def built(graph: ContinuousPolicyGraph) -> onnx.ModelProto:
    """The model of `graph`; not to be changed."""
    return build_model(graph, vector(), graph.outputs)


def test_exported_model_agrees(graph: ContinuousPolicyGraph, built: onnx.ModelProto) -> None:
    found = check_agreement(graph, built.SerializeToString(), OBS)
    assert (found.observations, found.action_agreement, found.ties) == (40, 1.0, 0)
    assert found.max_difference <= 1e-5


@pytest.mark.parametrize("output", ["action", "mean", "log_std"])
def test_one_row_that_is_off_in_any_output_fails(
    graph: ContinuousPolicyGraph, built: onnx.ModelProto, output: str
) -> None:
    highest = np.sort(OBS[:, 0])[-2:].mean()
    for by, passes in ((1e-3, False), (2e-6, True), (math.nan, False)):
        model = perturbed(built, output, by, float(highest))
        if passes:
            found = check_agreement(graph, model, OBS)
            assert found.action_agreement == 1.0
            scale = run_in_double(graph, OBS).scale[output][OBS[:, 0].argmax()].min()
            assert found.max_difference == pytest.approx(by / scale, rel=0.5)
        else:
            with pytest.raises(CheckFailed, match="Actions, means or deviations differ"):
                check_agreement(graph, model, OBS)


def test_observations_of_whole_numbers_stay_within_their_type() -> None:
    spec = envs.resolve("Pendulum-v1")
    space = Space("Box", (3,), "int8", low=-128.0, high=127.0)
    made_up = verification_observations(graph_of(check_trainable(spec)[1], [0.0]), spec, space)[-12:]
    assert made_up[-1].tolist() == [127, 127, 127]


# From a checkpoint to a file.


class Offset(gymnasium.Env[Any, Any]):
    """Observes numbers around 500; every episode has 5 steps."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64)
    action_space = gymnasium.spaces.Box(np.array([0.0, -2.0]), np.array([1.0, 2.0]), (2,), np.float64)

    def __init__(self, lift: float = 500.0, render_mode: str | None = None) -> None:
        self.render_mode, self._lift = render_mode, lift

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._step = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        self._step += 1
        return self._observe(), float(action.sum()), self._step == 5, False, {}

    def render(self) -> Any:
        return np.full((40, 60, 3), 10 * self._step, np.uint8)

    def _observe(self) -> Any:
        return self._lift + self.np_random.normal(size=3)


@pytest.fixture
def offset() -> Any:
    gymnasium.register("Offset-v0", entry_point=Offset)
    yield envs.resolve("Offset-v0", {"lift": 700.0})
    del gymnasium.registry["Offset-v0"]


def checkpoint_of(spec: EnvSpec, path: Path, **values: Any) -> Checkpoint:
    """A checkpoint of a policy whose means reach beyond the bounds."""
    observation, action = check_trainable(spec)
    config = TrainConfig(env=spec.id, env_kwargs=spec.kwargs, hidden_sizes=(8,), **values)
    network = build_network(observation, action, config)
    assert network.actor_log_std is not None
    with torch.no_grad():
        network.actor[-1].weight.mul_(200.0)
        network.actor_log_std.copy_(torch.tensor([-0.5, 0.25]))
    normaliser = Normaliser(config, observation.shape)
    moments = RunningMoments((3,))
    moments.update(700.0 + np.random.default_rng(2).normal(size=(100, 3)))
    if config.normalize_observations:
        normaliser.restore({f"observations.{name}": array for name, array in moments.state().items()})
    checkpoint = Checkpoint(
        env=spec,
        observation=observation,
        action=action,
        config=config,
        progress=Progress(updates=1, steps=64),
        versions={},
        platform="any",
        created="2025-01-02T03:04:05+00:00",
        tensors={**network_tensors(network), **named_tensors("normaliser", normaliser.state())},
    )
    checkpoint.save(path)
    return checkpoint


@pytest.mark.parametrize("normalised", [False, True])
def test_policy_acts_on_raw_observations_like_the_network_on_normalised_ones(
    offset: EnvSpec, tmp_path: Path, normalised: bool
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint = checkpoint_of(offset, path, normalize_observations=normalised)
    exported = export(load_source(path), tmp_path / "policy.onnx", episodes=2)
    assert exported.gif is not None
    assert exported.gif.read_bytes().startswith(b"GIF")
    policy = Policy.load(exported.policy, "cpu")
    obs = 700.0 + np.random.default_rng(3).normal(size=(60, 3))
    network, seen = checkpoint.network(), checkpoint.normaliser().observations(obs)
    with torch.no_grad():
        mean = network.actor(torch.from_numpy(seen).float()).numpy()
    found = policy.outputs(obs)
    assert np.allclose(found["mean"], mean, atol=1e-5)
    assert np.allclose(found["log_std"], [-0.5, 0.25])
    assert np.array_equal(policy.act(obs), np.clip(found["mean"], np.float32([0, -2]), np.float32([1, 2])))
    if normalised:
        assert mean.std(axis=0).min() > 0.1  # one that sees 700 everywhere would always say the same
    assert policy.self_test() <= 1e-5
    assert policy.info.env.kwargs == {"lift": 700.0}
    card = exported.card.read_text(encoding="utf-8")
    assert "| output | `log_std` | float32 [batch, 2] |" in card
    assert "difference of an action, mean or deviation" in card


def test_two_exports_give_the_same_bytes(offset: EnvSpec, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint_of(offset, path, normalize_observations=True)
    files = [
        export(load_source(path), tmp_path / f"{n}.onnx", episodes=1, gif=False).policy for n in range(2)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_bare_state_dict_for_continuous_actions_is_refused(offset: EnvSpec, tmp_path: Path) -> None:
    torch.save({"actor.0.weight": torch.zeros(2, 3), "actor.0.bias": torch.zeros(2)}, tmp_path / "w.pth")
    with pytest.raises(UsageError, match=r"Offset-v0 has continuous actions.*Train with: lander train"):
        load_source(tmp_path / "w.pth", offset)
