"""The policy file that these tests spoil."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_path() -> Path:
    return Path(__file__).parents[2] / "data" / "tiny-discrete.onnx"
