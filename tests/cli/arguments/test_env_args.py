"""`--env-arg name=value`, from the command line to the environment, the file and the report."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_cli.arguments.env_args import read_env_args
from lander_runtime.errors import UsageError
from lander_runtime.policy.policy import Policy
from lander_simulator import why_unavailable
from lander_trainer import Checkpoint

Lander = Callable[..., Any]
Tree = Callable[[], set[str]]

WINDY = {"enable_wind": True, "wind_power": 12.5, "gravity": -9}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("False", False), ("none", None), ("7", 7), ("-3", -3), ("1_000", 1000),
        ("1e3", 1000.0), ("12.5", 12.5), ("-.5", -0.5), ("hard", "hard"), ("", ""), ('"7"', "7"),
        ('"true"', "true"), ('"', '"'), ("a=b", "a=b"), ("[1, 2]", "[1, 2]"),
    ],
)  # fmt: skip
def test_values_are_read_as_what_they_look_like(text: str, value: Any) -> None:
    (found,) = read_env_args([f"name={text}"]).values()
    assert (found, type(found)) == (value, type(value))


def test_several_stand_side_by_side_in_order() -> None:
    assert list(read_env_args(["b=1", " a = x "]).items()) == [("b", 1), ("a", "x")]


@pytest.mark.parametrize(
    "texts", [["wind"], ["=1"], ["a b=1"], ["a-b=1"], [""], ["a=1", "a=2"], ["a=nan"], ["a=inf"]], ids=str
)
def test_what_is_no_argument_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError):
        read_env_args(texts)


def test_argument_reaches_run_file_and_report(lander: Lander) -> None:
    options = [part for name, value in WINDY.items() for part in ("--env-arg", f"{name}={value}".lower())]
    sizes = ["lanes=4", "rollout_steps=32", "minibatches=2", "selection_episodes=1"]
    sets = [part for size in sizes for part in ("--set", size)]
    trained = lander(
        "train", "LunarLander-v3", "--steps", "1", "--device", "cpu", *options, *sets, "--out", "run"
    )
    assert trained.code == 0, trained.err
    # envpool's lander has no wind.
    where = "native" if why_unavailable() is None else "gymnasium"
    assert f"4 lanes on {where}" in trained.err
    checkpoint = Checkpoint.load(Path("run/checkpoint.safetensors"))
    assert dict(checkpoint.env.kwargs) == dict(checkpoint.config.env_kwargs) == WINDY
    assert lander("export", "run", "--episodes", "1", "--no-gif").code == 0
    assert Policy.load("run/policy.onnx", "cpu").info.env.kwargs == WINDY
    report = lander("eval", "run/policy.onnx", "--episodes", "1", "--json", "--device", "cpu")
    assert json.loads(report.out)["env"]["kwargs"] == WINDY


@pytest.mark.skipif(importlib.util.find_spec("vizdoom") is None, reason="the extra `doom`")
def test_an_argument_is_added_to_those_of_the_preset(lander: Lander) -> None:
    """The preset presses two buttons at once; a shorter time limit does not change that."""
    sizes = ["lanes=2", "rollout_steps=8", "minibatches=2", "selection_episodes=1", "channels=4"]
    sets = [part for size in sizes for part in ("--set", size)]
    options = ["--env-arg", "episode_timeout=20", "--device", "cpu", "--steps", "1", "--out", "run"]
    trained = lander("train", "VizdoomHealthGatheringSupreme-v1", *options, *sets)
    assert trained.code == 0, trained.err
    shaping = {"health_reward": 4, "damage_taken_penalty": 4, "living_reward": 3}
    words = ", ".join(f"{name}={value}" for name, value in shaping.items())
    assert f"returns of training are shaped by {words}, scores are not" in trained.err
    config = Checkpoint.load(Path("run/checkpoint.safetensors")).config
    of_preset = {"max_buttons_pressed": 2, "render_hud": True, "render_minimal_hud": True}
    assert config.env_kwargs == {**of_preset, "episode_timeout": 20}
    assert lander("export", "run", "--episodes", "1", "--no-gif").code == 0
    info = Policy.load("run/policy.onnx", "cpu").info
    assert info.training is not None
    assert info.training.config["shaping"] == shaping
    assert (info.env.kwargs["max_buttons_pressed"], info.env.kwargs["frame_skip"]) == (2, 4)
    assert not shaping.keys() & info.env.kwargs.keys()
    report = json.loads(lander("eval", "run/policy.onnx", "--episodes", "1", "--json").out)
    assert report["env"]["kwargs"] == info.env.kwargs
    assert report["mean_return"] <= 20.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--env-arg", "enable_wnd=true"], "enable_wnd"),
        (["--env-arg", "gravity=-20"], "gravity"),  # the environment's own check
        (["--env-arg", "gravity"], "NAME=VALUE"),
        (["--env-arg", "gravity=-5", "--set", 'env_kwargs={"gravity": -5}'], "--env-arg"),
        (["--env-arg", "render_mode=human"], "render_mode"),
    ],
)
def test_what_the_environment_refuses_is_refused_before_anything_is_written(
    lander: Lander, tree: Tree, arguments: list[str], message: str
) -> None:
    before = tree()
    found = lander("train", "LunarLander-v3", "--steps", "1", *arguments)
    assert found.code == 2
    assert message in found.message
    assert tree() == before


def test_resumed_run_keeps_its_own(lander: Lander, add_run: Callable[..., Path]) -> None:
    found = lander("train", "--resume", add_run(), "--env-arg", "gravity=-5")
    assert found.code == 2
    assert "keeps its settings" in found.message
