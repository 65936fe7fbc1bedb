"""`lander export --half` and `--int8`: what they take, write, say and refuse."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lander = Callable[..., Any]

DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize(("option", "name"), [("--half", "tiny-half"), ("--int8", "tiny-int8")])
def test_a_smaller_file_beside_the_first(lander: Lander, tiny: Path, option: str, name: str) -> None:
    outcome = lander("export", tiny, option, "--episodes", "10")

    assert outcome.code == 0, outcome.err
    assert {path.name for path in tiny.parent.glob(f"{name}.*")} == {
        f"{name}{end}" for end in (".onnx", ".md", ".gif")
    }
    assert "against float32 on the same seeds" in outcome.out
    assert "on this CPU" in outcome.out
    assert outcome.next == f"lander bench {tiny.parent / name}.onnx"
    verified = lander("verify", tiny.with_name(f"{name}.onnx"), "--json")
    assert verified.code == 0, verified.err
    scored = lander("eval", tiny.with_name(f"{name}.onnx"), "--episodes", "10", "--json")
    claimed = json.loads(lander("inspect", tiny.with_name(f"{name}.onnx"), "--json").out)
    assert json.loads(scored.out)["mean_return"] == claimed["evaluation"]["mean_return"]
    assert "made from the weights" in lander("inspect", tiny.with_name(f"{name}.onnx")).out


def test_json_and_a_run(lander: Lander, barely_trained: Path) -> None:
    outcome = lander(
        "export", barely_trained, "--int8", "--episodes", "10", "--no-gif", "--out", "small.onnx", "--json"
    )

    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert (found["schema"], found["policy"], found["gif"]) == ("lander.reduced/1", "small.onnx", None)
    assert found["precision"]["format"] == "int8"
    assert found["paired"]["verdict"] in ("alike", "better", "no difference shown")
    assert found["bytes"]["after"] == Path("small.onnx").stat().st_size


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--half", "--int8"], 2, "choose one"),
        (["--half", "--format", "c"], 2, "--half goes with --format onnx"),
        (["--int8", "--format", "triton"], 2, "--int8 goes with --format onnx"),
        (["--int8", "--episodes", "0"], 2, "fewer than 10"),
        (["--int8", "--env", "LunarLander-v3"], 2, "leave out --env"),
        (["--int8", "--license", "MIT"], 2, "leave out --license"),
        (["--int8", "--name", "x"], 2, "--name goes with --format c or triton"),
        (["--int8", "--out", "tiny.onnx"], 2, "is the file to be made smaller"),
        (["--large"], 2, "--large goes with --format triton, --half or --int8"),
    ],
)
def test_what_does_not_go_together(
    lander: Lander, tiny: Path, options: list[str], code: int, sentence: str
) -> None:
    before = tiny.read_bytes()

    outcome = lander("export", tiny, *options)

    assert outcome.code == code
    assert sentence in outcome.message
    assert [path.name for path in tiny.parent.iterdir()] == ["tiny.onnx"]
    assert tiny.read_bytes() == before


def test_files_that_say_nothing_of_themselves(lander: Lander) -> None:
    shutil.copy(DATA / "cleanrl-agent.onnx", "agent.onnx")

    outcome = lander("export", "agent.onnx", "--half")

    assert outcome.code == 3
    assert "lander export CHECKPOINT --env ENV" in outcome.message
