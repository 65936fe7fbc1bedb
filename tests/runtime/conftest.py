"""What several files here share: the tiny policies, ways to spoil them, and a small environment."""

import contextlib
import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx.reference import ReferenceEvaluator

from lander_runtime import Policy
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.spec import EnvSpec

# For property tests: the same examples every time, however slow the machine, nothing on the disk.
settings.register_profile("lander", derandomize=True, deadline=None, database=None)

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def tiny_discrete() -> Path:
    return DATA / "tiny-discrete.onnx"


@pytest.fixture(scope="session")
def tiny_continuous() -> Path:
    return DATA / "tiny-continuous.onnx"


@pytest.fixture(scope="session")
def discrete(tiny_discrete: Path) -> Policy:
    return Policy.load(tiny_discrete, "cpu")


@pytest.fixture(scope="session")
def continuous(tiny_continuous: Path) -> Policy:
    return Policy.load(tiny_continuous, "cpu")


@pytest.fixture
def observations() -> Callable[[int], Any]:
    """(batch) -> float32 observations `[batch, 8]` of the size that LunarLander gives."""
    return lambda batch: np.random.default_rng(5).standard_normal((batch, 8)).astype(np.float32)


Metadata = dict[str, Any]
Change = Callable[[Metadata], object]
EditGraph = Callable[[onnx.ModelProto], object]


@pytest.fixture(scope="session")
def with_metadata() -> Callable[[Path, str | bytes | None], bytes]:
    """(policy file, text) -> the file with that text as its metadata; None takes the entry out."""

    def rebuild(path: Path, text: str | bytes | None) -> bytes:
        model = onnx.load(path)
        del model.metadata_props[:]
        if text is not None:
            onnx.helper.set_model_props(model, {METADATA_KEY: text})
        return model.SerializeToString()

    return rebuild


@pytest.fixture(scope="session")
def metadata_of() -> Callable[[Path], Metadata]:
    """(policy file) -> its metadata as plain JSON data."""
    return lambda path: json.loads(onnx.load(path).metadata_props[0].value)


@pytest.fixture(scope="session")
def with_changed_metadata(
    metadata_of: Callable[[Path], Metadata], with_metadata: Callable[[Path, str], bytes]
) -> Callable[[Path, Change], bytes]:
    """(policy file, change in place) -> the file with its metadata changed."""

    def rebuild(path: Path, change: Change) -> bytes:
        metadata = copy.deepcopy(metadata_of(path))
        change(metadata)
        return with_metadata(path, json.dumps(metadata))

    return rebuild


@pytest.fixture(scope="session")
def with_changed_graph() -> Callable[[Path, EditGraph], bytes]:
    """(policy file, change in place) -> the file with its graph changed, and its metadata kept but for the
    digest of the weights."""

    def rebuild(path: Path, change: EditGraph) -> bytes:
        model = onnx.load(path)
        change(model)
        [entry] = model.metadata_props
        metadata = json.loads(entry.value)
        # Tensors that are malformed on purpose.
        with contextlib.suppress(TypeError, ValueError, onnx.checker.ValidationError):
            metadata["weights_sha256"] = _weights_digest(model)
            entry.value = json.dumps(metadata)
        return model.SerializeToString()

    return rebuild


def _weights_digest(model: onnx.ModelProto) -> str:
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        digest.update(onnx.numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def with_right_golden() -> Callable[[bytes], bytes]:
    """(content of a file) -> the same with golden outputs by ONNX's own reference."""

    def rebuild(content: bytes) -> bytes:
        model = onnx.load_from_string(content)
        [entry] = model.metadata_props
        metadata = json.loads(entry.value)
        golden = metadata["golden"]
        observations = np.asarray(golden["observations"], metadata["observation"]["dtype"])
        found = ReferenceEvaluator(model).run(list(golden["outputs"]), {"obs": observations})
        golden["outputs"] = {
            name: values.tolist() for name, values in zip(golden["outputs"], found, strict=True)
        }
        golden.pop("scale", None)
        entry.value = json.dumps(metadata)
        return model.SerializeToString()

    return rebuild


@pytest.fixture(scope="session")
def load() -> Callable[[bytes], Policy]:
    """(content of a file) -> the policy, on the CPU."""
    return lambda content: Policy.from_bytes(content, Path("stranger.onnx"), "cpu")


@pytest.fixture
def drifting_class() -> type["DriftingEnv"]:
    """The class, for tests that need a variation of it."""
    return DriftingEnv


@pytest.fixture
def drifting(register: Callable[..., str]) -> EnvSpec:
    """`DriftingEnv` with four actions, cut off after 15 steps; 0 and more is a success."""
    return EnvSpec(register(DriftingEnv), max_episode_steps=15, reward_threshold=0.0)


@pytest.fixture
def drifting_continuous(register: Callable[..., str]) -> EnvSpec:
    """`DriftingEnv` with two throttles, cut off after 15 steps."""
    return EnvSpec(register(DriftingEnv), kwargs={"continuous": True}, max_episode_steps=15)


class DriftingEnv(gymnasium.Env[Any, Any]):
    """Eight numbers that drift: an environment in which every bit of every action changes the return.

    The seed decides on the episode's length, 3 to 20 steps, and on all noise. The next observation
    is 0.9 of the last, plus noise, plus the action; the reward is the component that the action
    names (discrete) or the action times the first two components (continuous).
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 25}  # noqa: RUF012 (Gymnasium's own way)
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (8,), np.float32)

    def __init__(self, continuous: bool = False, render_mode: str | None = None) -> None:
        self.action_space = (
            gymnasium.spaces.Box(-1, 1, (2,), np.float32) if continuous else gymnasium.spaces.Discrete(4)
        )
        self.render_mode = render_mode
        self._continuous = continuous

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._left = int(self.np_random.integers(3, 21))
        self._taken = 0
        self._obs = self.np_random.standard_normal(8).astype(np.float32)
        return self._obs, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        if self._continuous:
            reward, push = float(action @ self._obs[:2]), float(action[0])
        else:
            reward, push = float(self._obs[action]), 0.1 * action
        noise = self.np_random.standard_normal(8)
        self._obs = (0.9 * self._obs + 0.3 * noise + push).astype(np.float32)
        self._left -= 1
        self._taken += 1
        return self._obs, reward, self._left == 0, False, {}

    def render(self) -> Any:
        """Black with one white row that moves down with every step."""
        picture = np.zeros((60, 90, 3), np.uint8)
        picture[30 + self._taken] = 255
        return picture
