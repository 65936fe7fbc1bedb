"""Arguments of an environment compared with what its code declares."""

from typing import Any

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


def test_a_typed_argument_and_one_of_a_file() -> None:
    with pytest.raises(UsageError, match="LunarLander-v3 takes true or false as enable_wind"):
        envs.make(envs.resolve("LunarLander-v3", {"enable_wind": "maybe"}))
    with pytest.raises(InputRefused, match=r"policy.onnx: LunarLander-v3 takes a number as gravity"):
        envs.make(EnvSpec("LunarLander-v3", {"gravity": "low"}, origin="policy.onnx"))
