"""The scripts in benchmarks/ are not a package; tests import them as the scripts import one another."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture
def trial() -> Callable[..., Any]:
    """(seed, mean, other fields) -> the `Trial` of a run."""
    from trials import Trial  # Not above: the scripts that need no PyTorch are tested without it.

    def one(seed: int, mean: float, **values: Any) -> Trial:
        plain = {
            "seed": seed,
            "backend": "gymnasium",
            "device": "cpu",
            "steps": 1000,
            "seconds": 1.5,
            "steps_to_200": None,
            "seconds_to_200": None,
            "mean": mean,
            "std": 0.0,
            "min": mean,
            "success_rate": 0.0,
            "failures": 1,
            "curve": ((500, -10.0), (1000, 20.0)),
            "returns": np.array([mean]),
        }
        return Trial(**(plain | values))

    return one
