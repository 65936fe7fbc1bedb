"""What stands in a file imports nothing, reads no other file, and takes no more than an environment needs.

shimmy and Gymnasium's MuJoCo environments are stood in for by small environments that do what those do with
such arguments: import a module, read a file.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec as EnvEntry

from lander_runtime import envs
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.json_data.fields import Fields
from lander_runtime.spec import EnvSpec, Space, WrapperSpec

SPRUNG: list[str] = []


class Box8(gymnasium.Env[Any, Any]):
    observation_space = spaces.Box(-1, 1, (8,), np.float32)
    action_space = spaces.Discrete(2)


class Shim(Box8):
    """As shimmy's GymV26Environment, which makes an environment of another library by its name."""

    def __init__(self, env_id: str = "", env: str = "", **more: Any) -> None:
        for name in (env_id, env, *more.values()):
            if name:
                SPRUNG.append(str(name))
                importlib.import_module(str(name).partition(":")[0])


class Mujoco(Box8):
    """As Gymnasium's Ant, which reads its model from a file."""

    def __init__(self, xml_file: str = "ant.xml", **more: Any) -> None:
        if xml_file != "ant.xml":
            SPRUNG.append(Path(xml_file).read_text())
        SPRUNG.extend(map(str, more.values()))


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    SPRUNG.clear()
    for env_id, entry_point in (("GymV26Environment-v0", Shim), ("Ant-v9", Mujoco)):
        entry = EnvEntry(env_id, entry_point=entry_point)
        monkeypatch.setitem(gymnasium.registry, env_id, entry)
    yield
    assert "trap_module" not in sys.modules


def recipe(**changes: Any) -> EnvSpec:
    """The recipe of a file with these entries."""
    entries = {
        "id": "Ant-v9",
        "kwargs": {},
        "wrappers": [],
        "max_episode_steps": None,
        "reward_threshold": None,
    }
    return EnvSpec.from_json(Fields({**entries, **changes}, "stranger.onnx: env"))


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("GymV26Environment-v0", {"env_id": "trap_module"}),
        ("GymV26Environment-v0", {"env_id": "trap_module:Env-v0"}),
        ("GymV26Environment-v0", {"env": "trap_module"}),
        ("GymV26Environment-v0", {"other": "trap_module:Env-v0"}),
        ("GymV26Environment-v0", {"entry_point": "trap_module"}),
        ("GymV26Environment-v0", {"vector_entry_point": "trap_module"}),
        ("GymV26Environment-v0", {"module": "trap_module"}),
        ("GymV26Environment-v0", {"make_fn": "trap_module"}),
        ("GymV26Environment-v0", {"Entry_Point": "trap_module"}),
        ("GymV26Environment-v0", {"additional_wrappers": "trap_module"}),
        ("Ant-v9", {"xml_file": "trap_module.py"}),
        ("Ant-v9", {"xml_file": "trap"}),
        ("Ant-v9", {"model": "/etc/passwd"}),
        ("Ant-v9", {"model": "..\\\\secrets"}),
        ("Ant-v9", {"model": "C:secrets"}),
        ("Ant-v9", {"model": "model.xml"}),
        ("Ant-v9", {"model_path": "ant"}),
        ("trap_module:Env-v0", {}),
        ("trap_module:Ant-v9", {}),
    ],
    ids=repr,
)
def test_a_file_names_no_code_and_no_other_file(env_id: str, kwargs: dict[str, Any]) -> None:
    with pytest.raises(InputRefused, match=r"names a file or code|ids that name a module"):
        envs.make(recipe(id=env_id, kwargs=kwargs))
    assert SPRUNG == []


@pytest.mark.parametrize(
    "name", ["trap_module", "trap_module:Wrapper", "gymnasium.wrappers.RecordVideo", "RecordVideo"]
)
def test_a_wrapper_is_never_looked_for(name: str) -> None:
    with pytest.raises(InputRefused, match="is not one of"):
        envs.make(recipe(wrappers=[{"name": name, "kwargs": {}}]))


def test_plain_arguments_of_a_file_are_passed_on() -> None:
    kwargs = {"healthy_reward": 0.5, "mode": "hard", "map_name": "8x8", "version": "1.5", "wind": True}
    envs.make(recipe(kwargs=kwargs))
    assert [str(value) for value in kwargs.values()] == SPRUNG


def test_a_person_may_name_what_a_file_may_not() -> None:
    spec = envs.resolve("GymV26Environment-v0", {"env_id": "json"})
    envs.make(spec)
    assert SPRUNG == ["json"]


def test_an_unknown_environment_is_the_fault_of_the_file_that_names_it() -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: env: Gymnasium does not know 'NoSuch-v3'"):
        envs.make(recipe(id="NoSuch-v3"))
    with pytest.raises(UsageError, match="does not know 'NoSuch-v3'"):
        envs.make(EnvSpec("NoSuch-v3"))


def test_arguments_that_it_does_not_take_are_its_fault_too() -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: env: CartPole-v1 has no argument 'nonsense'"):
        envs.make(recipe(id="CartPole-v1", kwargs={"nonsense": 1}))


@pytest.mark.parametrize(
    "changes",
    [
        {"max_episode_steps": 2**62},
        {"max_episode_steps": 0},
        {"wrappers": [{"name": "FlattenObservation", "kwargs": {}}] * 17},
        {"wrappers": [{"name": "FrameStackObservation", "kwargs": {"stack_size": 10**8}}]},
        {"wrappers": [{"name": "FrameStackObservation", "kwargs": {"stack_size": 200}}] * 4},
        {"wrappers": [{"name": "MaxAndSkipObservation", "kwargs": {"skip": 10**9}}]},
        {"wrappers": [{"name": "ResizeObservation", "kwargs": {"shape": [10**5, 10**5]}}]},
        {"wrappers": [{"name": "ResizeObservation", "kwargs": {"shape": [1] * 1000}}]},
    ],
    ids=lambda changes: repr(changes)[:60],
)
def test_what_would_take_all_memory_or_never_end_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputRefused):
        envs.make(recipe(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [2**61]},
        {"shape": [2**31, 2**31]},
        {"shape": [1] * 71},
        {"shape": [5000, 5000]},
        {"type": "Discrete", "n": 2**62, "shape": []},
        {"type": "MultiDiscrete", "nvec": [2**40, 2], "shape": [2], "dtype": "int64"},
    ],
    ids=repr,
)
def test_a_space_of_which_no_array_can_be_made_is_refused(changes: dict[str, Any]) -> None:
    entries = {
        "type": "Box",
        "shape": [8],
        "dtype": "float32",
        "n": None,
        "low": None,
        "high": None,
        "components": [],
    }
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: observation: "):
        Space.from_json(Fields({**entries, **changes}, "stranger.onnx: observation"))


def test_what_a_person_types_has_limits_too() -> None:
    with pytest.raises(UsageError, match="stack_size from 1 to 256"):
        envs.resolve("CartPole-v1", None, [WrapperSpec("FrameStackObservation", {"stack_size": 10**8})])
