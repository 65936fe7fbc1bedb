"""What several files here share: the tiny policy, a folder of one's own, and files that a stranger named."""

import shutil
from pathlib import Path

import pytest

from lander_runtime import Policy

DATA = Path(__file__).parents[1] / "data"


def pytest_configure(config: pytest.Config) -> None:
    # Box2D's bindings warn while they are imported; made an error there, it takes the process down.
    config.addinivalue_line("filterwarnings", "ignore:builtin type .*[sS]wig.*:DeprecationWarning")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the tiny policy for LunarLander-v3: it crashes after some 65 steps."""
    return Path(shutil.copy(DATA / "tiny-discrete.onnx", tmp_path / "tiny.onnx"))


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.load(DATA / "tiny-discrete.onnx", "cpu")
