"""Normalising observations and dividing pixels in front of somebody's graph."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused, UsageError, evaluate
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.matching import Choices
from lander_runtime.foreign.preparation import Preparation
from lander_runtime.inert.normalizer import Normalizer, Usual, normalizer_of

ACTIONS = 3
MEAN = np.array([100.0, -0.5, 0.0, 1e6])
VARIANCE = np.array([4.0, 0.01, 1.0, 9.0])


class Fixed(gymnasium.Env[NDArray[Any], int]):
    """Observations of the given space, of which only the space matters."""

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        high = 255 if dtype == "uint8" else np.inf
        self.observation_space = Box(0 if dtype == "uint8" else -np.inf, high, shape, np.dtype(dtype).type)
        self.action_space = Discrete(ACTIONS)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: int) -> Any:
        return self._seen(), float(action), self.np_random.random() < 0.1, False, {}

    def _seen(self) -> NDArray[Any]:
        if self.observation_space.dtype == np.uint8:
            return self.np_random.integers(0, 256, self.observation_space.shape, np.uint8)
        return self.np_random.normal(MEAN, np.sqrt(VARIANCE)).astype(self.observation_space.dtype)


def env(name: str, shape: tuple[int, ...], dtype: str = "float32") -> str:
    """The id of an environment with such observations."""
    made = f"Prepared{name}-v0"
    if made not in gymnasium.registry:
        gymnasium.register(made, lambda **_: Fixed(shape, dtype), max_episode_steps=20)
    return made


def linear(shape: list[Any], kind: int = TensorProto.FLOAT, opset: int = 18) -> onnx.ModelProto:
    """Observations of `shape`, the batch included, cast, flattened and multiplied -> scores."""
    size = int(np.prod(shape[1:] if len(shape) > 1 else shape))
    weights = np.random.default_rng(size).standard_normal((size, ACTIONS)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["obs"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["x", "rows"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.array([-1, size], np.int64), "rows"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("obs", kind, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, ACTIONS])],
        constants,
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])


def load(model: onnx.ModelProto, where: str, preparation: Preparation | None) -> ForeignPolicy:
    choices = Choices(preparation=preparation)
    return ForeignPolicy.from_bytes(model.SerializeToString(), Path("it.onnx"), where, "cpu", choices=choices)


def statistics(
    mean: NDArray[np.float64] = MEAN, variance: NDArray[np.float64] = VARIANCE, clip: float | None = 2.0
) -> Normalizer:
    return normalizer_of(mean, variance, Usual(1e-8, clip, epsilon_on_deviation=False), "it.npz")


def observations(count: int = 50) -> NDArray[np.float32]:
    drawn = np.random.default_rng(0).normal(MEAN, 2 * np.sqrt(VARIANCE), (count, 4))
    return drawn.astype(np.float32)


@pytest.mark.parametrize("opset", [8, 11, 18])
@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (["n", 4], TensorProto.FLOAT), ([8, 4], TensorProto.FLOAT), ([4], TensorProto.FLOAT),
        ([1, 1, 4], TensorProto.FLOAT), (["n", 4], TensorProto.DOUBLE), (["n", 4], TensorProto.FLOAT16),
    ],
    ids=["batch", "eight", "single", "sequence", "double", "half"],
)  # fmt: skip
def test_it_acts_as_the_plain_network_does_on_normalised_observations(
    shape: list[Any], kind: int, opset: int
) -> None:
    where, model = env("Vectors", (4,)), linear(shape, kind, opset)
    seen = observations()
    # VecNormalize's formula: in double precision, then float32.
    normalised = (np.clip((seen - MEAN) / np.sqrt(VARIANCE + 1e-8), -2, 2)).astype(np.float32)
    policy = load(model, where, Preparation(statistics()))
    plain = load(model, where, None)
    np.testing.assert_array_equal(policy.outputs(seen)["logits"], plain.outputs(normalised)["logits"])
    assert not np.array_equal(policy.outputs(seen)["logits"], plain.outputs(seen)["logits"])


def test_observations_of_two_axes_go_flat_into_a_network_row_by_row() -> None:
    where = env("Stacked", (2, 4))
    mean, variance = np.arange(8.0).reshape(2, 4), np.arange(1.0, 9.0).reshape(2, 4)
    seen = np.random.default_rng(0).standard_normal((5, 2, 4)).astype(np.float32)
    normalised = ((seen - mean) / np.sqrt(variance + 1e-8)).astype(np.float32)
    policy = load(linear(["n", 8]), where, Preparation(statistics(mean, variance, None)))
    plain = load(linear(["n", 8]), where, None)
    np.testing.assert_array_equal(policy.outputs(seen)["logits"], plain.outputs(normalised)["logits"])


@pytest.mark.parametrize("shape", [["n", 6, 5, 3], ["n", 3, 6, 5], ["n", None, None, None]])
def test_pixels_are_divided_whatever_their_order(shape: list[Any]) -> None:
    where, model = env("Pictures", (6, 5, 3), "uint8"), linear(["n", 90])
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("obs", TensorProto.FLOAT, shape))
    seen = np.random.default_rng(0).integers(0, 256, (7, 6, 5, 3), np.uint8)
    policy = load(model, where, Preparation(pixel_scale=255.0))
    fed = seen.transpose(0, 3, 1, 2) if shape[1] == 3 else seen
    weights = numpy_helper.to_array(model.graph.initializer[0])
    expected = (fed.astype(np.float32) / np.float32(255)).reshape(7, -1) @ weights
    np.testing.assert_allclose(policy.outputs(seen)["logits"], expected, rtol=1e-5, atol=1e-5)
    assert "Before it they are divided by 255, as --pixel-scale says." in policy.assumptions
    assert not any("not scaled" in said for said in policy.assumptions)


def test_the_report_names_the_statistics_and_one_digest_stands_for_all_lanes() -> None:
    where = env("Vectors", (4,))
    policy = load(linear(["n", 4]), where, Preparation(statistics()))
    digest = hashlib.sha256(MEAN.tobytes() + VARIANCE.tobytes()).hexdigest()
    assert policy.assumptions[:2] == (
        "Observations go into 'obs'.",
        "Before it they are normalised, as --normalizer says: (observation - mean) / sqrt(variance + "
        f"epsilon), epsilon 1e-08, clipped to 2. Mean and variance have the SHA-256 {digest}.",
    )
    reports = [evaluate(policy, episodes=6, lanes=lanes) for lanes in (1, 6)]
    assert len({report.sha256 for report in reports}) == 1
    copied = pickle.loads(pickle.dumps(policy))
    assert evaluate(copied, episodes=6).sha256 == reports[0].sha256
    plain = evaluate(load(linear(["n", 4]), where, None), episodes=6)
    assert plain.sha256 != reports[0].sha256
    assert "must be inside the file" in plain.assumptions[0]


def test_statistics_of_other_observations_are_refused() -> None:
    other = Preparation(statistics(MEAN[:3], VARIANCE[:3]))
    with pytest.raises(InputRefused, match=r"statistics of observations \[3\]; the environment's are \[4\]"):
        load(linear(["n", 4]), env("Vectors", (4,)), other)


def test_in_front_of_whole_numbers_nothing_is_divided() -> None:
    model = linear(["n", 6, 5, 3], TensorProto.UINT8)
    with pytest.raises(InputRefused, match="takes uint8, so nothing can be divided in front of it"):
        load(model, env("Pictures", (6, 5, 3), "uint8"), Preparation(pixel_scale=255.0))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_is_a_number_above_zero(scale: float) -> None:
    with pytest.raises(UsageError, match="should be a number above 0"):
        Preparation(pixel_scale=scale)


def test_pictures_are_scaled_and_vectors_normalised() -> None:
    with pytest.raises(UsageError, match="Give one of them"):
        Preparation(statistics(), 255.0)
