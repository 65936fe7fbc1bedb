"""Building environments: recipes are completed, near misses suggested, everything else refused in words."""

import importlib.util
import re
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec as EntryOfGymnasium

from lander_runtime import (
    EnvironmentFailed,
    EnvSpec,
    InputRefused,
    LanderError,
    MachineLacks,
    UsageError,
    envs,
)
from lander_runtime.spec import Space, WrapperSpec

LANDER = "LunarLander-v3"


class BareEnv(gymnasium.Env[Any, Any]):
    """An environment of any two spaces, which a test gives it; it is described and never run."""

    observation_space: spaces.Space[Any] = spaces.Box(-1, 1, (2,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2)

    def __init__(self, size: int = 1, render_mode: str | None = None) -> None:
        if size < 1:
            raise ValueError(f"a size of at least 1, not {size}")
        self.size = size


Describe = Callable[..., tuple[Space, Space]]


@pytest.fixture
def describe(register: Callable[..., str]) -> Describe:
    """(observation_space=, action_space=) -> their description."""

    def build(**attributes: Any) -> tuple[Space, Space]:
        return envs.describe_spaces(envs.make(EnvSpec(register(type("BareEnv", (BareEnv,), attributes)))))

    return build


# Recipes


def test_resolving_fills_in_limit_and_threshold() -> None:
    assert envs.resolve(LANDER) == EnvSpec(LANDER, max_episode_steps=1000, reward_threshold=200.0)
    assert envs.resolve("MountainCar-v0").reward_threshold == -110.0
    assert type(envs.resolve("MountainCar-v0").reward_threshold) is float


def test_an_environment_may_have_neither(register: Callable[..., str]) -> None:
    env_id = register(BareEnv)
    assert envs.resolve(env_id) == EnvSpec(env_id, max_episode_steps=None, reward_threshold=None)


def test_arguments_reach_the_environment() -> None:
    spec = envs.resolve(LANDER, {"gravity": -5.0, "continuous": True})
    assert spec.kwargs == {"gravity": -5.0, "continuous": True}
    env = envs.make(spec)
    assert env.unwrapped.gravity == -5.0  # type: ignore[attr-defined]
    assert not envs.is_discrete(env)
    env.close()


def test_the_limit_reaches_the_environment() -> None:
    env = envs.make(EnvSpec(LANDER, max_episode_steps=3))
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(3)] == [False, False, True]
    env.close()


def test_a_replaced_version_names_the_one_that_replaced_it() -> None:
    """Warnings are errors here: Gymnasium's own must not come through either."""
    for use in (envs.resolve, lambda env_id: envs.make(EnvSpec(env_id))):
        with pytest.raises(
            UsageError, match=r"replaced LunarLander-v2 by LunarLander-v3; .* Use LunarLander-v3"
        ):
            use("LunarLander-v2")


def test_an_old_version_that_still_works_is_made_in_silence(recwarn: pytest.WarningsRecorder) -> None:
    """Gymnasium would warn once a copy. An environment's own warnings are not for this to swallow."""
    for _ in range(2):
        envs.make(envs.resolve("CartPole-v0")).close()
    assert list(recwarn) == []


def test_an_environments_own_warnings_come_through(register: Callable[..., str]) -> None:
    class Grumbling(BareEnv):
        def __init__(self) -> None:
            warnings.warn("mind the gap", DeprecationWarning, stacklevel=1)

    with pytest.warns(DeprecationWarning, match="mind the gap"):
        envs.make(EnvSpec(register(Grumbling)))


def test_newer_version_names_the_newest(register: Callable[..., str]) -> None:
    assert envs.newer_version("CartPole-v0") == "CartPole-v1"
    assert envs.newer_version("CartPole-v1") is None
    assert envs.newer_version(register(BareEnv)) is None
    with pytest.raises(UsageError, match="replaced"):
        envs.newer_version("LunarLander-v2")


def test_an_environment_without_a_version_has_no_newer_one() -> None:
    gymnasium.register("Unversioned", entry_point=BareEnv)
    try:
        assert envs.newer_version("Unversioned") is None
    finally:
        del gymnasium.registry["Unversioned"]


@pytest.mark.parametrize("env_id", ["LunarLandr-v3", "lunarlander-v3", "LunarLander-v4", "LunarLander"])
def test_a_near_miss_is_suggested_ready_to_type(env_id: str) -> None:
    with pytest.raises(UsageError, match=rf"(?s)'{env_id}'.*LunarLander-v3"):
        envs.resolve(env_id)


@pytest.mark.parametrize("env_id", ["Nothing-v0", "ALE/Nothing-v5"])
def test_an_unknown_id_is_refused_by_name(env_id: str) -> None:
    with pytest.raises(UsageError, match=f"does not know '{env_id}'"):
        envs.resolve(env_id)
    with pytest.raises(UsageError, match=f"does not know '{env_id}'"):
        envs.make(EnvSpec(env_id))


def test_an_id_that_names_a_module_is_refused() -> None:
    with pytest.raises(LanderError, match="module"):
        envs.resolve("os:system-v0")


@pytest.mark.parametrize(
    "kwargs",
    [
        {"nonsense": 1},
        {"gravity": "down"},
        {"gravity": 5.0},
        {"render_mode": "human"},
        {"max_episode_steps": 3},
    ],
    ids=repr,
)
def test_arguments_that_the_environment_refuses_are_named(kwargs: dict[str, Any]) -> None:
    """By a TypeError, by an assertion, and because they are not the recipe's to give."""
    with pytest.raises(UsageError, match=rf"LunarLander-v3.*{next(iter(kwargs))}"):
        envs.make(envs.resolve(LANDER, kwargs))


def test_an_environment_that_draws_nothing_need_not_take_a_render_mode(register: Callable[..., str]) -> None:
    class Blind(BareEnv):
        def __init__(self) -> None:
            super().__init__()

    spec = EnvSpec(register(Blind))
    envs.make(spec).close()
    with pytest.raises(EnvironmentFailed, match=r"Blind0-v0.*render_mode"):
        envs.make(spec, "rgb_array")


def test_an_argument_out_of_range_is_named(register: Callable[..., str]) -> None:
    """By a ValueError."""
    with pytest.raises(UsageError, match="a size of at least 1, not 0"):
        envs.make(envs.resolve(register(BareEnv), {"size": 0}))


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is not None, reason="MuJoCo is installed")
def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(MachineLacks, match=r"Ant-v5 needs a package that is missing: .*pip install") as found:
        envs.make(EnvSpec("Ant-v5"))
    assert found.value.exit_code == 4


# Wrappers


def test_wrappers_are_applied_innermost_first() -> None:
    stacked = WrapperSpec("FrameStackObservation", {"stack_size": 4})
    timed = WrapperSpec("TimeAwareObservation")
    env = envs.make(EnvSpec(LANDER, wrappers=(timed, stacked)))
    assert env.observation_space.shape == (4, 9)
    env.close()


@pytest.mark.parametrize("name", ["RecordVideo", "TransformReward", "Autoreset", "__class__", "vector", ""])
def test_a_wrapper_off_the_list_is_refused(name: str) -> None:
    """RecordVideo would write files wherever an untrusted policy file says."""
    with pytest.raises(InputRefused, match=rf"the wrapper '{name}' is not one of FlattenObservation, "):
        envs.make(EnvSpec(LANDER, wrappers=(WrapperSpec(name, {}),)))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("FrameStackObservation", {"nonsense": 1}),
        ("FrameStackObservation", {}),
        ("FrameStackObservation", {"stack_size": 0}),
        ("FrameStackObservation", {"stack_size": "four"}),
        ("GrayscaleObservation", {}),
        ("MaxAndSkipObservation", {"skip": 1}),
        ("ResizeObservation", {"shape": [8, 8]}),
    ],
    ids=repr,
)
def test_a_wrapper_that_cannot_be_applied_is_refused(name: str, kwargs: dict[str, Any]) -> None:
    """Arguments that it does not take, and pictures that the lander does not give."""
    with pytest.raises(LanderError, match=name):
        envs.make(EnvSpec(LANDER, wrappers=(WrapperSpec(name, kwargs),)))


@pytest.fixture
def pictures(register: Callable[..., str]) -> str:
    """The id of an environment with colour pictures of 9 x 9."""
    return register(
        type("BareEnv", (BareEnv,), {"observation_space": spaces.Box(0, 255, (9, 9, 3), np.uint8)})
    )


@pytest.mark.skipif(importlib.util.find_spec("cv2") is not None, reason="OpenCV is installed")
def test_a_package_that_a_wrapper_needs_is_named(pictures: str) -> None:
    spec = EnvSpec(pictures, wrappers=(WrapperSpec("ResizeObservation", {"shape": (8, 8)}),))
    with pytest.raises(MachineLacks, match="pip install"):
        envs.make(spec)


def test_a_shape_can_come_from_json(pictures: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON has lists only, and Gymnasium takes a tuple only."""
    monkeypatch.setitem(sys.modules, "cv2", types.ModuleType("cv2"))
    for shape in ([8, 4], (8, 4)):
        made = envs.make(EnvSpec(pictures, wrappers=(WrapperSpec("ResizeObservation", {"shape": shape}),)))
        assert made.observation_space.shape == (8, 4, 3)


def test_a_dict_is_flattened(register: Callable[..., str]) -> None:
    """Its keys in the order of the alphabet, as Gymnasium sorts them."""
    parts = {"b": spaces.Box(-1, 1, (2,), np.float32), "a": spaces.Box(0, 5, (2, 2), np.float32)}

    class Parts(BareEnv):
        observation_space = spaces.Dict(parts)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
            return {"b": np.array([5, 6], np.float32), "a": np.array([[1, 2], [3, 4]], np.float32)}, {}

    spec = EnvSpec(register(Parts), wrappers=(WrapperSpec("FlattenObservation"),))
    made = envs.make(spec)
    observation, _ = envs.describe_spaces(made)
    assert (observation.shape, observation.dtype) == ((6,), "float32")
    assert observation.high == [5.0] * 4 + [1.0] * 2
    assert made.reset()[0].tolist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(UsageError, match="--wrap FlattenObservation"):
        envs.describe_spaces(envs.make(EnvSpec(spec.id)))


STACKED = WrapperSpec("FrameStackObservation", {"stack_size": 2})


@pytest.mark.parametrize(
    ("wrap", "found"),
    [
        ("FlattenObservation", (WrapperSpec("FlattenObservation"),)),
        (" TimeAwareObservation, A ", (WrapperSpec("TimeAwareObservation"), WrapperSpec("A"))),
        ('{"name": "A"}', (WrapperSpec("A"),)),
        ('[{"name": "FrameStackObservation", "kwargs": {"stack_size": 2}}]', (STACKED,)),
        ([{"name": "FrameStackObservation", "kwargs": {"stack_size": 2}}], (STACKED,)),
        ([STACKED], (STACKED,)),
        ("[]", ()),
        ([], ()),
    ],
    ids=str,
)
def test_wrappers_as_people_write_them(wrap: Any, found: tuple[WrapperSpec, ...]) -> None:
    assert envs.read_wrap(wrap) == found
    assert envs.read_wrap(envs.wrap_in_words(found)) == found


@pytest.mark.parametrize(
    "wrap", ["", "A,", "[", "{}", '["A"]', "[3]", '[{"name": "A", "kwargs": 3}]', '{"a": 1}', 3, [3]], ids=str
)
def test_wrappers_that_cannot_be_read(wrap: Any) -> None:
    with pytest.raises(UsageError, match=r"--wrap .* should be names with commas, or JSON such as '\["):
        envs.read_wrap(wrap)


# Spaces


def test_the_lander_is_described_component_by_component() -> None:
    env = envs.make(EnvSpec(LANDER))
    observation, action = envs.describe_spaces(env)
    env.close()
    assert (observation.type, observation.shape, observation.dtype, observation.n) == (
        "Box",
        (8,),
        "float32",
        None,
    )
    assert [component.name for component in observation.components] == [
        "x", "y", "x velocity", "y velocity", "angle", "angular velocity",
        "left leg contact", "right leg contact",
    ]  # fmt: skip
    assert isinstance(observation.high, list)
    assert len(observation.high) == 8
    assert observation.high[0] == 2.5
    assert (action.type, action.shape, action.dtype, action.n) == ("Discrete", (), "int64", 4)
    assert len(action.components) == 4


def test_the_continuous_lander_is_described() -> None:
    env = envs.make(EnvSpec("LunarLanderContinuous-v3"))
    _, action = envs.describe_spaces(env)
    env.close()
    assert (action.type, action.shape, action.dtype, action.n) == ("Box", (2,), "float32", None)
    assert (action.low, action.high) == (-1.0, 1.0)
    assert [component.name for component in action.components] == ["main throttle", "side throttle"]


@pytest.mark.parametrize(
    "spec",
    [
        EnvSpec(LANDER, wrappers=(WrapperSpec("TimeAwareObservation"),)),
        EnvSpec(LANDER, wrappers=(WrapperSpec("FrameStackObservation", {"stack_size": 2}),)),
        EnvSpec(LANDER, kwargs={"continuous": True}),
    ],
    ids=["a ninth component", "two frames", "two throttles for four engines"],
)
def test_names_are_given_only_where_each_component_has_one(spec: EnvSpec) -> None:
    env = envs.make(spec)
    for space in envs.describe_spaces(env):
        size = space.n if space.n is not None else int(np.prod(space.shape))
        assert len(space.components) in (0, size)
    env.close()


def test_equal_bounds_collapse_to_one_number(describe: Describe) -> None:
    picture, _ = describe(observation_space=spaces.Box(0, 255, (84, 84, 3), np.uint8))
    assert (picture.shape, picture.dtype) == ((84, 84, 3), "uint8")
    assert (picture.low, picture.high) == (0.0, 255.0)


def test_no_bounds_are_none(describe: Describe) -> None:
    observation, action = describe(
        observation_space=spaces.Box(-np.inf, np.inf, (3,), np.float32),
        action_space=spaces.Box(-np.inf, 1, (2,), np.float32),
    )
    assert (observation.low, observation.high) == (None, None)
    assert (action.low, action.high) == (None, 1.0)


def test_mixed_bounds_keep_the_shape_with_gaps(describe: Describe) -> None:
    low = np.array([[-1, -np.inf], [0, -0.5]], np.float32)
    observation, _ = describe(observation_space=spaces.Box(low, np.ones((2, 2), np.float32)))
    assert observation.low == [[-1.0, None], [0.0, -0.5]]
    assert observation.high == 1.0


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"observation_space": spaces.Dict({"a": spaces.Discrete(2)})}, "Dict observations; .* a Box"),
        ({"observation_space": spaces.Discrete(16)}, "Discrete observations"),
        ({"observation_space": spaces.Tuple([spaces.Discrete(2)])}, "Tuple observations"),
        ({"observation_space": spaces.MultiBinary(4)}, "MultiBinary observations"),
        (
            {"action_space": spaces.MultiBinary(2)},
            "MultiBinary actions; known are Discrete, MultiDiscrete and Box",
        ),
        ({"action_space": spaces.Dict({"a": spaces.Discrete(2)})}, "Dict actions"),
        (
            {"action_space": spaces.Discrete(3, start=1)},
            "numbers its actions from 1; policies here start at 0",
        ),
        ({"action_space": spaces.Discrete(3, start=-1)}, "numbers its actions from -1"),
    ],
)
def test_spaces_that_policies_cannot_have_are_named(
    describe: Describe, attributes: dict[str, Any], found: str
) -> None:
    with pytest.raises(UsageError, match=rf"BareEnv\d-v0 (has|numbers).*{re.sub('^numbers ', '', found)}"):
        describe(**attributes)


def test_discrete_takes_an_int() -> None:
    for env_id, discrete in ((LANDER, True), ("Pendulum-v1", False)):
        env = envs.make(EnvSpec(env_id))
        assert envs.is_discrete(env) is discrete
        env.close()


def test_adopting_does_not_collide_with_a_module_that_registers_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In a worker process the module is first imported by way of the entry; as the suite has it, Gymnasium's
    # warning of an id that is there already is an error.
    (tmp_path / "self_registering.py").write_text(
        "import gymnasium\n"
        "from gymnasium.envs.classic_control import CartPoleEnv as Pole\n"
        "gymnasium.register('SelfRegistering-v0', 'self_registering:Pole')\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryOfGymnasium("SelfRegistering-v0", "self_registering:Pole", max_episode_steps=7)
    try:
        envs.adopt(entry)
        made = envs.make(EnvSpec("SelfRegistering-v0"))
        assert made.spec is not None
        assert made.spec.max_episode_steps == 7, "the other side's entry, not the module's"
        made.close()
    finally:
        gymnasium.registry.pop("SelfRegistering-v0", None)
        sys.modules.pop("self_registering", None)


def test_an_entry_whose_module_is_missing_is_refused_when_it_is_made() -> None:
    try:
        envs.adopt(EntryOfGymnasium("Missing-v0", "no_such_module_here:Env"))
        with pytest.raises(UsageError, match="no_such_module_here"):
            envs.make(EnvSpec("Missing-v0"))
    finally:
        gymnasium.registry.pop("Missing-v0", None)
