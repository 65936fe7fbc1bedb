"""Where a policy is found when none is named."""

import os
from pathlib import Path

import pytest

from lander_runtime import Policy
from lander_runtime.policy.agreement import tolerance_for
from lander_runtime.shipped import newest_policy, shipped_policies


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(path: str, age: int) -> Path:
    """A file that was written `age` seconds before some moment."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    os.utime(file, (1_700_000_000 - age, 1_700_000_000 - age))
    return file


def test_without_runs_there_is_no_newest_policy() -> None:
    assert newest_policy() is None
    Path("runs").mkdir()
    assert newest_policy() is None


def test_the_policy_written_last_is_the_newest() -> None:
    put("runs/LunarLander-v3/003/policy.onnx", age=50)
    put("runs/LunarLander-v3/002/policy.onnx", age=10)
    put("runs/CartPole-v1/009/policy.onnx", age=20)
    assert newest_policy() == Path("runs/LunarLander-v3/002/policy.onnx")


def test_only_policies_of_runs_count() -> None:
    put("runs/LunarLander-v3/001/policy.onnx", age=90)
    put("runs/LunarLander-v3/002/best.safetensors", age=1)
    put("runs/policy.onnx", age=1)
    put("elsewhere/LunarLander-v3/001/policy.onnx", age=1)
    assert newest_policy() == Path("runs/LunarLander-v3/001/policy.onnx")


def test_another_root_may_be_named() -> None:
    policy = put("other/LunarLander-v3/001/policy.onnx", age=1)
    assert newest_policy(Path("other")) == policy


def test_shipped_policies_are_found_from_any_folder_and_are_sound() -> None:
    shipped = shipped_policies()
    assert "lunarlander-v3" in shipped
    for name, path in shipped.items():
        assert path.is_absolute()
        assert (path.parent.name, path.name) == (name, "policy.onnx")
        policy = Policy.load(path, "cpu")
        env = policy.info.env.id.lower()
        assert name in (env, "doom-" + env.removeprefix("vizdoom"))
        assert policy.self_test() <= tolerance_for(policy.observation)
