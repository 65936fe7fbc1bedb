"""`--wrap`: wrappers around the environment of a file that does not name them."""

import json
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

SPACE = gymnasium.spaces.Box(-9, 9, (2,), np.float32)


class Parts(gymnasium.Env[Any, Any]):
    """Two numbers by name and one more; action 1 is rewarded where the first is above zero."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (as Gymnasium has it)
    observation_space = gymnasium.spaces.Dict({"x": SPACE, "a": gymnasium.spaces.Box(0, 1, (1,), np.float32)})
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._step, self._seen = 0, self._observe()
        return self._seen, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = float(action == (self._seen["x"][0] > 0))
        self._step, self._seen = self._step + 1, self._observe()
        return self._seen, reward, self._step == 5, False, {}

    def render(self) -> Any:
        return np.full((40, 60, 3), 10 * self._step, np.uint8)

    def _observe(self) -> Any:
        return {"x": self.np_random.normal(size=2).astype(np.float32), "a": np.ones(1, np.float32)}


@pytest.fixture(autouse=True)
def parts() -> Iterator[None]:
    gymnasium.register("Parts-v0", Parts)
    yield
    del gymnasium.registry["Parts-v0"]


@pytest.fixture
def foreign() -> str:
    """A file whose policy looks at the second of the three numbers, `x[0]`, and chooses rightly."""
    weights = numpy_helper.from_array(np.array([[0, 0], [-1, 1], [0, 0]], np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["obs", "w"], ["logits"])],
        "g",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, "theirs.onnx")
    return "theirs.onnx"


FLATTEN = '[{"name": "FlattenObservation"}]'


@pytest.mark.parametrize("wrap", [FLATTEN, "FlattenObservation"])
def test_a_foreign_policy_in_a_flattened_dict(lander, foreign: str, wrap: str) -> None:
    words = ["eval", foreign, "--env", "Parts-v0", "--wrap", wrap, "--episodes", 3]
    ended = lander(*words, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["returns"] == [5.0, 5.0, 5.0]
    assert found["env"]["wrappers"] == [{"name": "FlattenObservation", "kwargs": {}}]
    assert "--env Parts-v0 --wrap FlattenObservation --episodes 1000" in ended.next
    compared = lander("compare", foreign, foreign, "--env", "Parts-v0", "--wrap", wrap, "--episodes", 3)
    assert compared.code == 0, compared.err


def test_it_is_refused_without(lander, foreign: str) -> None:
    ended = lander("eval", foreign, "--env", "Parts-v0")
    assert ended.code == 2
    assert "--wrap FlattenObservation" in ended.message


def test_a_flattened_dict_is_trained_in(lander) -> None:
    small = [
        "--backend", "gymnasium", "--device", "cpu", "--steps", "256", "--set", "lanes=4",
        "--set", "rollout_steps=32", "--set", "minibatches=2", "--set", "selection_episodes=2",
    ]  # fmt: skip
    wrapped = ["--set", f"env_wrappers={FLATTEN}"]
    assert lander("train", "Parts-v0", *small, *wrapped, "--out", "run").code == 0
    assert lander("export", "run", "--episodes", 3).code == 0
    assert lander("eval", "run", "--episodes", 3).code == 0
    # A file that names its own: the same may be said again, another may not.
    assert lander("eval", "run", "--env", "Parts-v0", "--wrap", FLATTEN, "--episodes", 3).code == 0
    other = lander("eval", "run", "--env", "Parts-v0", "--wrap", "[]")
    assert (other.code, "Leave out --wrap" in other.message) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--env", "Parts-v0", "--wrap", "RecordVideo"], "the wrapper 'RecordVideo' is not one of Flatten"),
        (["--env", "Parts-v0", "--wrap", "["], "should be names with commas, or JSON"),
        (["--wrap", "FlattenObservation"], "in an environment named as an id with --env"),
    ],
)
def test_what_is_wrong_is_said(lander, foreign: str, words: list[str], said: str) -> None:
    for command in (["eval", foreign], ["compare", foreign, foreign]):
        ended = lander(*command, *words)
        assert (ended.code, said in ended.message) == (2, True), ended.err
