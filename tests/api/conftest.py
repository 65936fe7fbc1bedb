"""What the library's tests share: small environments, and one small run that tests look at."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lander_rl import Run, train
from lander_runtime import Policy
from trainer_environments import EchoEnv

DATA = Path(__file__).parents[1] / "data"

SMALL: dict[str, Any] = {
    "seed": 1, "backend": "gymnasium", "device": "cpu", "lanes": 4, "rollout_steps": 16, "minibatches": 2,
    "hidden_sizes": (8,), "selection_episodes": 2, "selections": 2, "workers": 1,
}  # fmt: skip
"""64 steps an update."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts in an empty folder, because runs are written where the program is."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small() -> dict[str, Any]:
    """Options of `train` for a run that takes a tenth of a second."""
    return dict(SMALL)


@pytest.fixture
def echo(register: Callable[..., str]) -> str:
    """The id of `EchoEnv` with 10 steps an episode."""
    return register(EchoEnv, max_episode_steps=10, reward_threshold=9.0)


@dataclass(frozen=True)
class Trained:
    """A run of four updates and what it printed. Not to be changed."""

    run: Run
    out: str
    err: str


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out, err = io.StringIO(), io.StringIO()
    folder = tmp_path_factory.mktemp("trained") / "run"
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run = train("CartPole-v1", steps=256, out=folder, **SMALL)
    return Trained(run, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.load(DATA / "tiny-discrete.onnx", "cpu")
