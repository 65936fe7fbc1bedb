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


def tolerance_for(observation: Space) -> float:
    """Largest `difference` that two runs of a network on such observations may have."""
    return TOLERANCE if len(observation.shape) < 2 else IMAGE_TOLERANCE


def difference(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest |found - expected|, divided by |expected| where that is above 1.

    Float32 sums cannot agree to 1e-5 in absolute terms once they are large; up to 1 this is the
    plain difference. Shapes that differ, and anything that is not a finite number, count as
    infinitely far apart.
    """
    if found.shape != expected.shape or not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return math.inf
    gap = np.abs(found.astype(np.float64) - expected)
    return float(np.max(gap / np.maximum(1.0, np.abs(expected)), initial=0.0))
