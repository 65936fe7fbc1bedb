"""Zips of Stable-Baselines3 and its own predictions; tests/data/make_sb3_zips.py made them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FOLDER = Path(__file__).parents[2] / "data" / "sb3"


@pytest.fixture(scope="session")
def sb3() -> Path:
    return FOLDER


@pytest.fixture(scope="session")
def predictions() -> Mapping[str, NDArray[Any]]:
    """1,000 observations for each environment, and the library's actions for each zip."""
    with np.load(FOLDER / "predictions.npz") as arrays:
        return dict(arrays)
