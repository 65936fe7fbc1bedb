"""Requests: what cannot be is refused when they are made, before a file is opened or an episode runs."""

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lander_rl
from lander_cli.arguments.env_args import read_env_args
from lander_rl import CompareRequest, EvaluateRequest, ReplayRequest
from lander_rl.inputs.env_options import env_options
from lander_rl.inputs.file_options import FileOptions
from lander_runtime import UsageError


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"episodes": 0}, "episodes should be a whole number from 1 on, found 0"),
        ({"episodes": 2.5}, "episodes should be"),
        ({"episodes": True}, "episodes should be"),
        ({"seed": -1}, "seed should be a whole number from 0 on"),
        ({"lanes": 0}, "lanes should be"),
        ({"workers": 0}, "workers should be a whole number from 1 on or 'auto'"),
        ({"workers": "many"}, "workers should be"),
        ({"engine": "spark"}, "processes or ray"),
        ({"ray_address": "auto"}, "--engine ray"),
        ({"engine": "ray", "ray_address": "auto", "workers": 2}, "--workers"),
        ({"render": "ascii"}, "human"),
        ({"render": "human", "workers": 2}, "--workers"),
        ({"render": "human", "engine": "ray"}, "--engine ray"),
        ({"gif": "x.mp4"}, ".gif"),
        ({"mp4": "x.gif"}, ".mp4"),
        ({"gif": "x.gif", "gif_episodes": "bst"}, "first, best, worst, all, none or a number"),
        ({"gif": "x.gif", "gif_episodes": 0}, "first, best, worst, all, none or a number"),
        ({"out": "x.txt"}, ".json"),
        ({"save_replay": "x.json"}, ".jsonl.gz"),
        ({"shard": "3/2"}, "3/2"),
        ({"shard": "a"}, "1/8"),
        ({"shard": "1/20"}, "10 episodes cannot be cut into 20 parts"),
    ],
)
def test_an_evaluation_that_cannot_be(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        EvaluateRequest(**fields)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"policies": ("a.onnx",)}, "two policies or more"),
        ({"policies": ("a", "b"), "episodes": 0}, "episodes should be"),
        ({"policies": ("a", "b"), "seed": -1}, "seed should be"),
        ({"policies": ("a", "b"), "lanes": 0}, "lanes should be"),
    ],
)
def test_a_comparison_that_cannot_be(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        CompareRequest(**fields)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"speed": 0.0}, "--speed"),
        ({"speed": float("nan")}, "--speed"),
        ({"size": "huge"}, "1200x800"),
        ({"gif": "a.mp4"}, ".gif"),
        ({"mp4": "a.gif"}, ".mp4"),
        ({"render": "ascii"}, "human"),
    ],
)
def test_a_replay_that_cannot_be(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        ReplayRequest("r.jsonl.gz", **fields)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("function", "request_class", "others"),
    [
        (lander_rl.evaluate, EvaluateRequest, {"observer"}),
        (lander_rl.compare, CompareRequest, {"observer", "first", "others"}),
        (lander_rl.replay, ReplayRequest, {"observer"}),
    ],
)
def test_a_function_takes_what_its_request_holds(
    function: Callable[..., Any], request_class: type[Any], others: set[str]
) -> None:
    taken = inspect.signature(function).parameters
    fields = {field.name: field for field in dataclasses.fields(request_class) if field.name != "policies"}
    assert set(taken) - others == set(fields)
    for name, field in fields.items():
        if taken[name].default is not inspect.Parameter.empty:
            assert taken[name].default == field.default, name


@pytest.mark.parametrize("request_class", [EvaluateRequest, CompareRequest, ReplayRequest])
def test_every_field_has_its_docstring(request_class: type[Any]) -> None:
    classes = [one for one in request_class.__mro__ if dataclasses.is_dataclass(one)]
    source = "".join(inspect.getsource(one).split("    def ")[0] for one in classes)
    for field in dataclasses.fields(request_class):
        after = source.split(f"\n    {field.name}: ", 1)[1].split("\n", 2)[1]
        assert after.strip().startswith('"""'), field.name


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        EvaluateRequest().episodes = 3  # type: ignore[misc]


def test_a_shard_names_its_seeds() -> None:
    assert EvaluateRequest(episodes=10, seed=50, shard="2/2").seeds == range(55, 60)
    assert EvaluateRequest(episodes=10, seed=50).seeds == range(50, 60)


@pytest.mark.parametrize("field", ["gif", "out", "save_replay", "page"])
def test_what_cannot_be_written_is_refused_before_the_policy_is_opened(field: str) -> None:
    Path("taken").write_text("mine")
    name = {"gif": "taken/x.gif", "out": "taken/x.json", "save_replay": "taken/x.jsonl.gz", "page": "taken"}
    with pytest.raises(UsageError, match="taken"):
        lander_rl.evaluate("nothere.onnx", **{field: name[field]})
    assert [path.name for path in Path().iterdir()] == ["taken"]


plain_values = (
    st.booleans()
    | st.none()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)


@given(plain_values)
def test_an_argument_survives_the_command_line(value: Any) -> None:
    option, text = env_options(None, {"name": value})
    assert option == "--env-arg"
    found = read_env_args([text])["name"]
    assert (found, type(found)) == (value, type(value))


def test_options_name_the_environment_in_order() -> None:
    assert env_options("E-v0", {"wind": True}, FileOptions(output="logits").words) == [
        "--env", "E-v0", "--env-arg", "wind=true", "--output", "logits",
    ]  # fmt: skip
