"""Writes tiny-discrete.onnx and tiny-continuous.onnx beside itself: policies to test the runtime on.

    python tests/data/make_tiny_policies.py [FOLDER]

Needs numpy, onnx and onnxruntime, no torch. Both are shaped like LunarLander-v3 and untrained: eight
numbers -> one ReLU layer -> actions. Every weight and every golden observation is a small multiple of
a negative power of two, so that their sums are exact in float32 and the same on any machine.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lander_runtime.envs.known import knowledge_of
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.metadata import Golden, PolicyInfo, Training, Verification
from lander_runtime.policy.session import open_session
from lander_runtime.spec import EnvSpec, Space

SEED = 20_240_601
OBSERVATIONS, HIDDEN = 8, 16
GOLDEN = 6

Weights = dict[str, NDArray[Any]]


def main(folder: Path) -> None:
    (folder / "tiny-discrete.onnx").write_bytes(discrete())
    (folder / "tiny-continuous.onnx").write_bytes(continuous())


def discrete() -> bytes:
    """Four actions: `action` is the index of the largest of the `logits`."""
    generator = np.random.default_rng(SEED)
    weights = {
        **_hidden_layer(generator),
        "head.weight": _eighths(generator, (HIDDEN, 4)) / 4,
        "head.bias": _eighths(generator, (4,)),
        "one": np.array([1], np.int64),
        "last_axis": np.array([-1], np.int64),
    }
    nodes = [
        *_hidden_nodes(),
        helper.make_node("Gemm", ["hidden", "head.weight", "head.bias"], ["logits"]),
        helper.make_node("TopK", ["logits", "one"], ["best", "best_index"], axis=-1),
        helper.make_node("Squeeze", ["best_index", "last_axis"], ["action"]),
    ]
    outputs = [
        helper.make_tensor_value_info("action", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4]),
    ]
    env_id = "LunarLander-v3"
    action = Space("Discrete", (), "int64", n=4, components=knowledge_of(env_id).actions)
    return _policy_file(env_id, action, nodes, outputs, weights)


def continuous() -> bytes:
    """Two throttles: `mean` reaches beyond [-1, 1], `action` is clipped to it, `log_std` is constant."""
    generator = np.random.default_rng(SEED + 1)
    weights = {
        **_hidden_layer(generator),
        "head.weight": _eighths(generator, (HIDDEN, 2)) / 4,
        "head.bias": _eighths(generator, (2,)),
        "log_std.weight": np.zeros((OBSERVATIONS, 2), np.float32),
        "log_std.bias": np.array([-0.5, 0.25], np.float32),
        "low": np.array(-1.0, np.float32),
        "high": np.array(1.0, np.float32),
    }
    nodes = [
        *_hidden_nodes(),
        helper.make_node("Gemm", ["hidden", "head.weight", "head.bias"], ["mean"]),
        # A Gemm by zeros, because it gives the constant a batch axis without leaving the GPU.
        helper.make_node("Gemm", ["obs", "log_std.weight", "log_std.bias"], ["log_std"]),
        helper.make_node("Clip", ["mean", "low", "high"], ["action"]),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2])
        for name in ("action", "mean", "log_std")
    ]
    env_id = "LunarLanderContinuous-v3"
    action = Space("Box", (2,), "float32", low=-1.0, high=1.0, components=knowledge_of(env_id).controls)
    return _policy_file(env_id, action, nodes, outputs, weights)


def _hidden_layer(generator: np.random.Generator) -> Weights:
    return {
        "hidden.weight": _eighths(generator, (OBSERVATIONS, HIDDEN)),
        "hidden.bias": _eighths(generator, (HIDDEN,)),
    }


def _hidden_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Gemm", ["obs", "hidden.weight", "hidden.bias"], ["hidden.sum"]),
        helper.make_node("Relu", ["hidden.sum"], ["hidden"]),
    ]


def _eighths(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Multiples of 1/8 from -1 to 1."""
    return (generator.integers(-8, 9, shape) / 8).astype(np.float32)


def _policy_file(
    env_id: str,
    action: Space,
    nodes: list[onnx.NodeProto],
    outputs: list[onnx.ValueInfoProto],
    weights: Weights,
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", OBSERVATIONS])],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(
        graph, producer_name="lander tests", ir_version=10, opset_imports=[helper.make_opsetid("", 18)]
    )
    onnx.checker.check_model(model, full_check=True)
    info = PolicyInfo(
        env=EnvSpec(env_id, max_episode_steps=1000, reward_threshold=200.0),
        observation=Space(
            "Box",
            (OBSERVATIONS,),
            "float32",
            low=-10.0,
            high=10.0,
            components=knowledge_of(env_id).observation,
        ),
        action=action,
        training=Training("none", None, SEED, {"hidden": HIDDEN}, {}, "any"),
        verification=Verification(0, 0.0, 1.0, 0),
        evaluation=None,
        golden=_golden(model.SerializeToString(), [output.name for output in outputs]),
        weights_sha256=_digest(weights),
        license="MIT",
        created="2024-06-01T00:00:00Z",
    )
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    return model.SerializeToString(deterministic=True)


def _golden(model: bytes, names: list[str]) -> Golden:
    observations = _eighths(np.random.default_rng(SEED + 2), (GOLDEN, OBSERVATIONS))
    outputs = open_session(read_model(model, "tiny"), "tiny", "cpu").run(names, {"obs": observations})
    return Golden(
        observations.tolist(), {name: values.tolist() for name, values in zip(names, outputs, strict=True)}
    )


def _digest(weights: Weights) -> str:
    """Over the raw bytes in the order of their names, as docs/policy-file.md says."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(weights[name].tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
