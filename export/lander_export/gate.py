"""The gate: a file that does not agree with its PyTorch network is not written.

Two parts: `check_form` checks the model against the schema's rules, `check_agreement` compares the outputs of
ONNX Runtime with those of PyTorch.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from lander_export.graph import DiscretePolicyGraph, PolicyGraph
from lander_export.model import MAX_IR_VERSION, OPSET
from lander_export.multi_discrete import MultiDiscretePolicyGraph
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.errors import CheckFailed
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import CONTROL_FLOW, RANDOM
from lander_runtime.policy.agreement import TOLERANCE, difference
from lander_runtime.policy.metadata import Verification
from lander_runtime.policy.session import open_session
from lander_runtime.seeds import FIRST_VERIFICATION_SEED
from lander_runtime.spec import EnvSpec, Space, filled_bounds

BATCH_SIZES = (1, 2, 7, 64)
"""Batch sizes that ONNX Runtime is compared at: kernels may take other paths for other sizes."""

_EPISODES = 8
_RANDOM_OBSERVATIONS = 1_024
_ROWS = 1_024
"""Observations that PyTorch computes at once."""

# Readers refuse the first two kinds; ArgMax would keep a file off the GPU (graph.py).
_BANNED = CONTROL_FLOW | RANDOM | {"ArgMax"}


def check_form(model: onnx.ModelProto) -> None:
    """Check the model against the schema: valid ONNX, default domain, opset, IR version, operators.

    Raises:
        CheckFailed: a rule is broken; the message names it.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise CheckFailed(f"The model is not valid ONNX: {error}") from error
    versions = {(item.domain, item.version) for item in model.opset_import}
    if versions != {("", OPSET)}:
        raise CheckFailed(f"The model should use opset {OPSET} of the default domain only, found {versions}.")
    if model.ir_version > MAX_IR_VERSION:
        raise CheckFailed(
            f"The model has IR version {model.ir_version}; at most {MAX_IR_VERSION} is allowed."
        )
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise CheckFailed("The model keeps weights in another file.")
    banned = sorted({node.op_type for node in model.graph.node} & _BANNED)
    if banned or model.functions:
        raise CheckFailed(
            f"The model uses operators that policies may not: {', '.join(banned) or 'functions'}."
        )


def check_agreement(
    graph: PolicyGraph, model: bytes, observations: NDArray[Any], tolerance: float = TOLERANCE
) -> Verification:
    """Compare PyTorch with ONNX Runtime on all observations, ONNX Runtime at several batch sizes.

    Args:
        graph: the PyTorch module that was exported.
        model: the serialised model.
        observations: `[M, *obs_shape]`.
        tolerance: largest allowed `difference` of a logit, mean, log std or continuous action.

    Returns:
        The largest difference, the share of equal actions and the number of ties, over all batch sizes.

    Raises:
        CheckFailed: a difference is above `tolerance`, or a discrete action differs where there is no tie.
    """
    with torch.inference_mode():
        # In parts: the layers of a network for images need more memory than the images.
        parts = [graph(torch.from_numpy(part)) for part in _batches(observations, _ROWS)]
        expected = [torch.cat(tensors).numpy() for tensors in zip(*parts, strict=True)]
    name = "the exported model"
    session = open_session(read_model(model, name), name, "cpu")
    discrete = isinstance(graph, DiscretePolicyGraph)
    ties = np.zeros(len(observations), bool)
    for logits in _blocks_of(graph, expected[1]) if discrete else []:
        ties |= _ties(logits, tolerance)
    worst, same = 0.0, np.ones(len(observations), bool)
    for size in BATCH_SIZES:
        parts = [session.run(graph.outputs, {"obs": part}) for part in _batches(observations, size)]
        found = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        # Without discrete actions, which are the first output: the distance of their numbers means nothing.
        differences = [difference(f, e) for f, e in zip(found[discrete:], expected[discrete:], strict=True)]
        worst = max(worst, *differences)
        same &= _equal_rows(found[0], expected[0]) if discrete else _near(found[0], expected[0], tolerance)
    if not worst <= tolerance:
        what = "Logits" if discrete else "Actions, means or deviations"
        raise CheckFailed(
            f"{what} differ by {worst:.3g} between PyTorch and ONNX Runtime; allowed is {tolerance:g}."
        )
    wrong = int(np.sum(~same & ~ties))
    if wrong:
        raise CheckFailed(f"{wrong} of {len(observations)} observations give another action in ONNX Runtime.")
    return Verification(
        observations=len(observations),
        max_difference=worst,
        action_agreement=float(np.mean(same)),
        ties=int(np.sum(ties)),
    )


def _ties(logits: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """The rows whose two best logits are so close that the error allowed on each can change their order."""
    best = np.sort(logits, axis=-1)[:, -2:].astype(np.float64)
    return best[:, 1] - best[:, 0] <= 2 * tolerance * np.maximum(1.0, np.abs(best[:, 1]))


def _blocks_of(graph: PolicyGraph, logits: NDArray[Any]) -> list[NDArray[Any]]:
    """The logits of each choice: one block, or one a dimension of MultiDiscrete actions."""
    blocks = graph.blocks if isinstance(graph, MultiDiscretePolicyGraph) else ()
    return np.split(logits, np.cumsum(blocks, dtype=int)[:-1], axis=-1)


def _equal_rows(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.bool_]:
    """The rows in which every number is the same."""
    return (found == expected).reshape(len(found), -1).all(axis=1)


def _near(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """The rows in which every number is within `tolerance`."""
    return np.array([difference(f, e) <= tolerance for f, e in zip(found, expected, strict=True)])


def verification_observations(graph: PolicyGraph, env: EnvSpec, space: Space) -> NDArray[Any]:
    """Observations `[M, *obs_shape]` to compare on: from episodes, random within the bounds, and extreme.

    The first ones are from episodes.
    """
    generator = np.random.default_rng(FIRST_VERIFICATION_SEED)
    low, high = filled_bounds(space, unbounded=10.0)
    uniform = generator.uniform(low, high, (_RANDOM_OBSERVATIONS, *space.shape))
    corners = np.where(generator.random((256, *space.shape)) < 0.5, low, high)
    scales = np.array([0.0, 1e-38, 1e-6, 1.0, 1e3, 1e6]).reshape(-1, *(1 for _ in space.shape))
    extremes = np.concatenate([scales * sign * np.ones(space.shape) for sign in (-1.0, 1.0)])
    synthetic = np.concatenate([uniform, corners, extremes])
    limits = np.finfo(space.dtype) if np.dtype(space.dtype).kind == "f" else np.iinfo(space.dtype)
    synthetic = np.clip(synthetic, limits.min, limits.max).astype(space.dtype)
    return np.concatenate([_episode_observations(graph, env), synthetic])


def _episode_observations(graph: PolicyGraph, env: EnvSpec) -> NDArray[Any]:
    """The policy's observations in a few episodes; a tenth of the actions is random, for more variety."""
    seen: list[NDArray[Any]] = []

    def act(obs: NDArray[Any], generators: Sequence[np.random.Generator]) -> NDArray[Any]:
        seen.append(obs)
        with torch.inference_mode():
            action, *rest = (tensor.numpy() for tensor in graph(torch.from_numpy(obs)))
        random = np.array([generator.random() < 0.1 for generator in generators])
        if isinstance(graph, DiscretePolicyGraph):
            counts = graph.blocks if isinstance(graph, MultiDiscretePolicyGraph) else rest[0].shape[-1]
            sampled = np.array([generator.integers(counts) for generator in generators])
        else:
            low, high = graph.low.numpy(), graph.high.numpy()
            noise = np.stack([generator.standard_normal(low.shape, np.float32) for generator in generators])
            sampled = np.clip(rest[0] + np.exp(rest[1]) * noise, low, high)
        return np.where(random.reshape(-1, *(1 for _ in action.shape[1:])), sampled, action)

    run_episodes(act, env, range(FIRST_VERIFICATION_SEED, FIRST_VERIFICATION_SEED + _EPISODES))
    return np.concatenate(seen)


def _batches(observations: NDArray[Any], size: int) -> list[NDArray[Any]]:
    return [observations[start : start + size] for start in range(0, len(observations), size)]
