"""What the library's tests share: small environments, and one small run that tests look at."""

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from lander_rl import Run, train
from lander_runtime import Policy
from trainer_environments import EchoEnv

DATA = Path(__file__).parents[1] / "data"

Register = Callable[..., str]

SMALL: dict[str, Any] = {
    "seed": 1, "backend": "gymnasium", "device": "cpu", "lanes": 4, "rollout_steps": 16, "minibatches": 2,
    "hidden_sizes": (8,), "selection_episodes": 2, "selections": 2, "workers": 1,
}  # fmt: skip
"""64 steps an update."""


def pytest_configure(config: pytest.Config) -> None:
    # Box2D's bindings warn while they are imported; made an error there, it takes the process down.
    config.addinivalue_line("filterwarnings", "ignore:builtin type .*[sS]wig.*:DeprecationWarning")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts in an empty folder, because runs are written where the program is."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small() -> dict[str, Any]:
    """Options of `train` for a run that takes a tenth of a second."""
    return dict(SMALL)


@pytest.fixture
def register() -> Iterator[Register]:
    """(class or "module:class", options) -> an id by which it can be made during this test."""
    ids: list[str] = []

    def one(entry_point: type[gymnasium.Env[Any, Any]] | str, **options: Any) -> str:
        name = entry_point.rpartition(":")[2] if isinstance(entry_point, str) else entry_point.__name__
        env_id = f"api/{name}{len(ids)}-v0"
        gymnasium.register(env_id, entry_point=entry_point, **options)
        ids.append(env_id)
        return env_id

    yield one
    for env_id in ids:
        del gymnasium.registry[env_id]


@pytest.fixture
def echo(register: Register) -> str:
    """The id of `EchoEnv` with 10 steps an episode."""
    return register(EchoEnv, max_episode_steps=10, reward_threshold=9.0)


@dataclass(frozen=True)
class Trained:
    """A run of four updates and what was said meanwhile. Not to be changed."""

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


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the tiny policy for LunarLander-v3: it crashes after some 65 steps."""
    return Path(shutil.copy(DATA / "tiny-discrete.onnx", tmp_path / "tiny.onnx"))


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.load(DATA / "tiny-discrete.onnx", "cpu")
