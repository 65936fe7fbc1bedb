"""A small policy with the signature that the protocol tests ask."""

from pathlib import Path

import pytest

from lander_runtime import Policy
from lander_runtime.serving.protocol import Signature

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.load(DATA / "tiny-discrete.onnx", "cpu")


@pytest.fixture(scope="session")
def signature(policy: Policy) -> Signature:
    return Signature.of("tiny", policy, max_batch=64)
