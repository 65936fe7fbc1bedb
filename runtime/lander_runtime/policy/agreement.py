"""When two runs of one network count as the same. The exporter and golden vectors use the same rule."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.spec import Space

TOLERANCE = 1e-5
"""Largest difference between two runs of one network that counts as the same (see `difference`)."""

IMAGE_TOLERANCE = 1e-4
"""The same for a network on images, which adds up some thousand products a layer: for one that plays Doom
PyTorch's logits were 9.5e-6 off from double precision, ONNX Runtime's 5.4e-6, and 1.1e-5 from each other."""

LARGEST_TOLERANCE = 1e-3
"""A file may not ask for more: its golden vectors would pass whatever the network computes."""


def tolerance_for(observation: Space) -> float:
    """Largest `difference` that two runs of a network on such observations may have.

    For files that do not say it themselves.
    """
    return TOLERANCE if len(observation.shape) < 2 else IMAGE_TOLERANCE


def usual_scale(expected: NDArray[Any]) -> NDArray[np.float64]:
    """The scale of each number where a file does not say it: its absolute value, at least 1."""
    return np.maximum(1.0, np.abs(np.asarray(expected, np.float64)))


def difference(found: NDArray[Any], expected: NDArray[Any], scale: NDArray[Any] | None = None) -> float:
    """Largest |found - expected| / scale.

    Sums in float32 cannot agree to 1e-5 in absolute terms once they, or the products in them, are large.
    Shapes that differ, and anything that is not a finite number, count as infinitely far apart.

    Args:
        found: any shape.
        expected: of the same shape.
        scale: of the same shape, at least 1; by default `usual_scale`.
    """
    if found.shape != expected.shape or not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return math.inf
    gap = np.abs(found.astype(np.float64) - expected)
    return float(np.max(gap / (usual_scale(expected) if scale is None else scale), initial=0.0))


def among_best(actions: NDArray[Any], scores: NDArray[Any], allowed: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each action is the best, or tied with it: the error allowed on both can change their order.

    Args:
        actions: `[M]`; one that does not exist is not among the best.
        scores: of every action `[M, n]`.
        allowed: the error allowed on each score `[M, n]`.
    """
    rows, exists = np.arange(len(actions)), np.isin(actions, np.arange(scores.shape[1]))
    chosen, best = np.where(exists, actions, 0).astype(np.int64), scores.argmax(axis=1)
    behind = scores[rows, best] - scores[rows, chosen]
    return exists & (behind <= allowed[rows, best] + allowed[rows, chosen])
