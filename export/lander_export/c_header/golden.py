"""Compares what was read of a graph with ONNX Runtime, and makes the golden vectors of the header."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_export.c_header.material import Material
from lander_export.c_header.network import Doubles, Exact
from lander_runtime.errors import CheckFailed
from lander_runtime.policy.agreement import TOLERANCE, among_best, difference, tolerance_for, usual_scale
from lander_runtime.policy.metadata import Golden
from lander_runtime.seeds import FIRST_VERIFICATION_SEED
from lander_runtime.spec import Space, filled_bounds

_OBSERVATIONS = 256
_GOLDEN = 8
_FARTHEST = 10.0
"""Where a space has no bounds or wide ones, trial observations lie within this."""


@dataclass(frozen=True)
class GoldenVectors:
    """Observations, with what a header must give for them. All arrays have a row for each."""

    observations: NDArray[np.float32]
    outputs: NDArray[np.float32]
    """Logits or means."""
    scale: NDArray[np.float32]
    actions: NDArray[np.float32] | None
    """None for discrete actions, which the logits decide."""
    action_scale: NDArray[np.float32] | None
    tolerance: float
    """Largest difference, divided by the scale, that counts as the same."""


@dataclass(frozen=True)
class Agreement:
    """How near the network that was read is to ONNX Runtime."""

    observations: int
    max_difference: float
    """Divided by the scale."""
    tolerance: float


def compare(material: Material) -> Agreement:
    """Run the network in double precision, and the file in ONNX Runtime, on the same observations.

    Raises:
        CheckFailed: they do not agree.
    """
    observations = trial_observations(material.policy.observation, _OBSERVATIONS)
    tolerance = _tolerance(material)
    exact = material.network.run(observations.reshape(len(observations), -1))
    scale = np.maximum(usual_scale(exact.values), exact.scale)
    worst = difference(material.outputs(observations), exact.values, scale)
    actions = np.asarray(material.policy.act(observations)).reshape(len(observations), -1)
    if material.ending:
        ended = _ended(material, exact)
        worst = max(worst, difference(actions, ended.values, np.maximum(1.0, ended.scale)))
    elif material.policy.action.type != "Box" and not _are_best(material, actions, exact.values, scale):
        worst = np.inf
    if not worst <= tolerance:
        raise CheckFailed(
            f"{material.policy.path.name}: the network that was read of it differs by {worst:.3g} from ONNX "
            f"Runtime; allowed is {tolerance:g}. No header was written."
        )
    return Agreement(len(observations), worst, tolerance)


def golden_vectors(material: Material) -> GoldenVectors:
    """Those of the file; made anew where it has none."""
    info = material.info
    if info is not None:
        return _from_file(info.golden, material)
    observations = trial_observations(material.policy.observation, _GOLDEN)
    flat = observations.reshape(len(observations), -1)
    exact = material.network.run(flat)
    ended = _ended(material, exact)
    continuous = material.policy.action.type == "Box"
    actions = np.asarray(material.policy.act(observations), np.float32).reshape(len(observations), -1)
    return GoldenVectors(
        flat.astype(np.float32),
        material.outputs(observations).astype(np.float32),
        _rounded_up(np.maximum(usual_scale(exact.values), exact.scale)),
        actions if continuous else None,
        _rounded_up(np.maximum(usual_scale(ended.values), ended.scale)) if continuous else None,
        TOLERANCE,
    )


def _from_file(golden: Golden, material: Material) -> GoldenVectors:
    continuous = material.policy.action.type == "Box"
    name = "mean" if continuous else "logits"
    count = len(golden.observations)

    def rows(values: object, dtype: Any) -> NDArray[Any]:
        return np.asarray(values, dtype).reshape(count, -1)

    def scale_of(output: str) -> NDArray[np.float32]:
        if golden.scale is not None:
            return _rounded_up(rows(golden.scale[output], np.float64))
        return _rounded_up(usual_scale(rows(golden.outputs[output], np.float64)))

    return GoldenVectors(
        rows(golden.observations, np.float32),
        rows(golden.outputs[name], np.float32),
        scale_of(name),
        rows(golden.outputs["action"], np.float32) if continuous else None,
        scale_of("action") if continuous else None,
        _tolerance(material),
    )


def _tolerance(material: Material) -> float:
    if material.info is None:
        return TOLERANCE
    return material.info.golden.tolerance or tolerance_for(material.policy.observation)


def trial_observations(space: Space, count: int) -> NDArray[Any]:
    """`[count, *obs_shape]`: within the bounds, the same at every call; the first is zeros."""
    low, high = (np.clip(bound, -_FARTHEST, _FARTHEST) for bound in filled_bounds(space, unbounded=_FARTHEST))
    generator = np.random.default_rng(FIRST_VERIFICATION_SEED)
    within = generator.uniform(low, np.maximum(low, high), (count - 1, *space.shape))
    return np.concatenate([np.zeros((1, *space.shape)), within]).astype(space.dtype)


def _ended(material: Material, exact: Exact) -> Exact:
    for step in material.ending:
        exact = step.run(exact)
    return exact


def _are_best(material: Material, actions: NDArray[Any], values: Doubles, scale: Doubles) -> bool:
    """Whether each choice is the best of its block of logits, or tied with it."""
    ends = np.cumsum(material.policy.action.blocks)[:-1]
    allowed = np.split(_tolerance(material) * scale, ends, axis=1)
    blocks = zip(actions.T, np.split(values, ends, axis=1), allowed, strict=True)
    return all(among_best(*block).all() for block in blocks)


def _rounded_up(scale: Doubles) -> NDArray[np.float32]:
    """Not below what it was in double precision."""
    rounded = scale.astype(np.float32)
    return np.where(rounded < scale, np.nextafter(rounded, np.float32(np.inf)), rounded).astype(np.float32)
