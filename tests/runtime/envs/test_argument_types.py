"""Arguments of an environment compared with what its code declares."""

import functools
from collections.abc import Callable
from typing import Any

import gymnasium
import pytest

from lander_runtime import InputRefused, UsageError, envs
from lander_runtime.envs.argument_types import check_arguments
from lander_runtime.spec import EnvSpec


class Typed:
    def __init__(
        self,
        wind: bool = False,
        friction: float | None = None,
        number=3,
        late: "int | None" = None,
        mode: str = "a",
        either: str | float = 0.5,
        **more: Any,
    ) -> None: ...


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("wind", "maybe", "true or false as wind, found 'maybe'"),
        ("friction", "low", "a number as friction"),
        ("number", "three", "a whole number as number"),
        ("late", [1], "a whole number as late"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: Any, wanted: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_arguments("Typed-v0", Typed, {name: value})
    assert wanted in str(refused.value)


def test_what_may_be_passes() -> None:
    fine = {"wind": 1, "friction": None, "number": 2.5, "mode": "b", "either": "x", "unknown": "y"}
    check_arguments("Typed-v0", Typed, fine)
    check_arguments("Typed-v0", "no_such_module:Typed", {"wind": "maybe"})


class Strict:
    def __init__(
        self, wind: bool = False, *, gravity: float = -10.0, render_mode: str | None = None
    ) -> None: ...


class Bare:
    def __init__(self) -> None: ...


class Wrapped(Strict):
    @functools.wraps(Strict.__init__)
    def __init__(self, *arguments: Any, more: int = 0, **others: Any) -> None: ...


def test_a_name_that_the_environment_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(UsageError) as refused:
        check_arguments("Strict-v0", Strict, {"gravty": -5.0})
    assert str(refused.value) == (
        "Strict-v0 has no argument 'gravty'. Did you mean gravity? Its arguments: wind, gravity."
    )
    with pytest.raises(UsageError, match=r"has no argument 'x'. Its arguments: none."):
        check_arguments("Bare-v0", Bare, {"x": 1})
    check_arguments("Strict-v0", Strict, {"wind": True, "gravity": -5.0})
    # What takes any name may hand it on, or refuse it itself.
    check_arguments("Wrapped-v0", Wrapped, {"more": 1, "gravty": 2})


def test_trying_out_refuses_what_only_the_environments_code_knows(register: Callable[..., str]) -> None:
    def make(**arguments: Any) -> gymnasium.Env[Any, Any]:
        return gymnasium.make("CartPole-v1", **arguments).unwrapped

    spec = envs.resolve(register(make), {"sutton_barto": 1})
    envs.check_kwargs(spec)
    with pytest.raises(UsageError, match="unexpected keyword argument 'sutton_barto'"):
        envs.try_out(spec)


def test_a_typed_argument_and_one_of_a_file() -> None:
    with pytest.raises(UsageError, match="LunarLander-v3 takes true or false as enable_wind"):
        envs.make(envs.resolve("LunarLander-v3", {"enable_wind": "maybe"}))
    with pytest.raises(InputRefused, match=r"policy.onnx: LunarLander-v3 takes a number as gravity"):
        envs.make(EnvSpec("LunarLander-v3", {"gravity": "low"}, origin="policy.onnx"))
