"""Shared by the tests of all packages: environments registered for one test, and a small policy file."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lander_runtime.kernels import fix_kernels

# Before NumPy: the weights of a training here and of one by the command should be the same.
fix_kernels()

import gymnasium  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402

DATA = Path(__file__).parent / "data"


@pytest.fixture
def register() -> Iterator[Callable[..., str]]:
    """(class or "module:class", options of `gymnasium.register`) -> an id for the length of one test.

    Given as a class, an environment can only be made in this process; given as text, also in a worker.
    """
    ids: list[str] = []

    def one(entry_point: type[gymnasium.Env[Any, Any]] | str, **options: Any) -> str:
        name = entry_point.rpartition(":")[2] if isinstance(entry_point, str) else entry_point.__name__
        env_id = f"{name}{len(ids)}-v0"
        gymnasium.register(env_id, entry_point=entry_point, **options)
        ids.append(env_id)
        return env_id

    yield one
    for env_id in ids:
        del gymnasium.registry[env_id]


@pytest.fixture
def with_true_claims() -> Callable[[onnx.ModelProto], bytes]:
    """(model) -> its file, the digest of its weights and its golden outputs put right."""

    def rebuild(model: onnx.ModelProto) -> bytes:
        metadata = json.loads(model.metadata_props[0].value)
        tensors = sorted(model.graph.initializer, key=lambda tensor: tensor.name)
        content = b"".join(onnx.numpy_helper.to_array(tensor).tobytes() for tensor in tensors)
        golden = metadata["golden"]
        names, observations = list(golden["outputs"]), np.array(golden["observations"], np.float32)
        found = onnxruntime.InferenceSession(model.SerializeToString()).run(names, {"obs": observations})
        golden["outputs"] = {name: values.tolist() for name, values in zip(names, found, strict=True)}
        metadata["weights_sha256"] = hashlib.sha256(content).hexdigest()
        model.metadata_props[0].value = json.dumps(metadata)
        return model.SerializeToString()

    return rebuild


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the tiny policy for LunarLander-v3: it crashes after some 65 steps."""
    return Path(shutil.copy(DATA / "tiny-discrete.onnx", tmp_path / "tiny.onnx"))
