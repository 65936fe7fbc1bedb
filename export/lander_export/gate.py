"""The gate: a file that does not agree with its PyTorch network is not written.

Two parts: `check_form` checks the model against the schema's rules, `check_agreement` compares the outputs of
PyTorch and of ONNX Runtime with those of the network in double precision.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from lander_export.double import ExactRun, run_in_double
from lander_export.graph import DiscretePolicyGraph, PolicyGraph
from lander_export.multi_discrete import MultiDiscretePolicyGraph
from lander_export.writer import IR_VERSION, OPSET
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.errors import CheckFailed
from lander_runtime.graphs.reading import read_model
from lander_runtime.graphs.structure import CONTROL_FLOW, RANDOM
from lander_runtime.policy.agreement import TOLERANCE, difference
from lander_runtime.policy.metadata import Verification
from lander_runtime.policy.session import OpenSession, open_session
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
    if model.ir_version > IR_VERSION:
        raise CheckFailed(f"The model has IR version {model.ir_version}; at most {IR_VERSION} is allowed.")
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
    """Compare PyTorch and ONNX Runtime with double precision, ONNX Runtime at several batch sizes.

    Not with each other: where products are large, both are off by rounding and neither is wrong.

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
    discrete = isinstance(graph, DiscretePolicyGraph)
    exact = run_in_double(graph, observations)
    with torch.inference_mode():
        # In parts: the layers of a network for images need more memory than the images.
        parts = [graph(torch.from_numpy(part)) for part in _batches(observations, _ROWS)]
        expected = [torch.cat(tensors).numpy() for tensors in zip(*parts, strict=True)]
    worst = _difference(expected, exact, "PyTorch", tolerance, discrete)
    session = _open(model)
    same = np.ones(len(observations), bool)
    for size in BATCH_SIZES:
        parts = [session.run(graph.outputs, {"obs": part}) for part in _batches(observations, size)]
        found = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        worst = max(worst, _difference(found, exact, "ONNX Runtime", tolerance, discrete))
        if discrete:
            _check_actions(found[0], exact, tolerance)
            same &= (found[0] == expected[0]).reshape(len(found[0]), -1).all(axis=1)
    return Verification(
        observations=len(observations),
        max_difference=worst,
        # Continuous ones have passed as numbers.
        action_agreement=float(np.mean(same)),
        ties=int(np.sum(exact.ties(tolerance))) if discrete else 0,
    )


def _difference(
    found: list[NDArray[Any]], exact: ExactRun, who: str, tolerance: float, discrete: bool
) -> float:
    """The largest difference of the outputs of `who` from double precision; too large a one fails."""
    # Without discrete actions, which are the first output: the distance of their numbers means nothing.
    names = list(exact.values)[discrete:]
    differences = [
        difference(values, exact.values[name], exact.scale[name])
        for name, values in zip(names, found[discrete:], strict=True)
    ]
    if not max(differences) <= tolerance:
        raise CheckFailed(
            f"{'Logits' if discrete else 'Actions, means or deviations'} differ by {max(differences):.3g} "
            f"between {who} and the same network in double precision; allowed is {tolerance:g}."
        )
    return max(differences)


def _check_actions(actions: NDArray[Any], exact: ExactRun, tolerance: float) -> None:
    right = exact.among_best(actions, tolerance)
    if not right.all():
        raise CheckFailed(
            f"{np.sum(~right)} of {len(actions)} observations give another action in ONNX Runtime."
        )


def _open(model: bytes) -> OpenSession:
    name = "the exported model"
    return open_session(read_model(model, name), name, "cpu")


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
