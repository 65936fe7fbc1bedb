"""Hints lead somewhere: what is typed next is named, and what was typed is kept."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lander = Callable[..., Any]

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def exported() -> Callable[[str, int], Path]:
    """(run, age) -> a policy file for LunarLander in a run of that name."""

    def make(run: str, age: int = 0) -> Path:
        path = Path("runs") / run / "policy.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DATA / "tiny-discrete.onnx", path)
        os.utime(path, (1_700_000_000 - age,) * 2)
        return path

    return make


def test_a_folder_of_runs_means_the_last_that_was_exported(lander: Lander, exported: Any) -> None:
    exported("LunarLander-v3/001", 5)
    newest = exported("LunarLander-v3/002")
    for folder in ("runs", "runs/LunarLander-v3"):
        outcome = lander("eval", folder, "--episodes", "1", "--gif", "none")
        assert outcome.code == 0
        assert f"Evaluating {newest} (the last in that folder that was exported)" in outcome.err
        assert not Path("eval.gif").exists()
        assert not Path("none").exists()


def test_runs_without_a_policy_name_the_command(lander: Lander, add_run: Any) -> None:
    add_run("001", age=9)
    newest = add_run("002")
    for folder in ("runs", "runs/CartPole-v1"):
        outcome = lander("eval", folder)
        assert outcome.code == 3
        assert outcome.message.endswith(f"Type: lander export {newest}")
    assert lander("eval", str(newest)).message.endswith(f"Make it with: lander export {newest}")
    outcome = lander("export", "runs", "--episodes", "0", "--no-gif")
    assert f"Exporting {newest}/best.safetensors" in outcome.err


def test_a_newer_run_that_waits_is_named(lander: Lander, exported: Any, add_run: Any) -> None:
    exported("LunarLander-v3/001", 60)
    assert "lander export" not in lander("eval", "--episodes", "1", "--gif", "none").err
    waiting = add_run("001")
    outcome = lander("eval", "--episodes", "1", "--gif", "none")
    assert f"the newest run has not been exported: lander export {waiting}" in outcome.err


@pytest.mark.parametrize(
    "typed",
    [["eval", "--episodes", "1", "--gif", "none"], ["verify"], ["inspect"],
     ["bench", "--batch", "1", "--episodes", "0"]],
)  # fmt: skip
@pytest.mark.parametrize("before", ["nothing", "another run"])
def test_the_last_hint_leads_to_the_newest_run(
    lander: Lander, exported: Any, add_run: Any, typed: list[str], before: str
) -> None:
    """Without a policy that is named, another one than the user's newest is easily taken for it."""
    if before == "another run":
        exported("LunarLander-v3/001", 60)
    waiting = add_run("001")
    outcome = lander(*typed)
    assert outcome.code == 0
    assert outcome.next == f"lander export {waiting}"
    assert outcome.err.splitlines()[-3] == f"This was not your newest run: {waiting} has not been exported."
    named = lander(*typed, DATA / "tiny-discrete.onnx")
    assert "lander export" not in named.err


def test_nothing_goes_out_under_the_users_name_but_their_own(
    lander: Lander, exported: Any, add_run: Any
) -> None:
    commands = [["push", "me/x"], ["export", "--format", "triton"]]
    for command in commands:
        outcome = lander(*command)
        assert (outcome.code, outcome.message.endswith("lander train, then lander export")) == (2, True)
    exported("LunarLander-v3/001", 60)
    waiting = add_run("001")
    for command in commands:
        outcome = lander(*command)
        assert outcome.code == 2
        assert outcome.message == (
            f"The newest run, {waiting}, has not been exported. Type: lander export {waiting}"
        )
    assert not Path("triton").exists()


def test_a_file_that_lies_in_a_run_is_named(lander: Lander, exported: Any, add_run: Any) -> None:
    waiting = add_run("001")
    outcome = lander("eval", "best.safetensors")
    assert outcome.code == 3
    assert outcome.message == (
        f"best.safetensors does not exist; {waiting} has one. Type: lander export {waiting}"
    )
    policy = exported("LunarLander-v3/001")
    assert lander("verify", "policy.onnx").message.endswith(f"Did you mean {policy}?")
    assert "has one" not in lander("eval", "other.onnx").err


def test_what_is_not_there_leads_somewhere(lander: Lander, exported: Any) -> None:
    for typed in ("runs", "runs/LunarLander-v3", "runs/LunarLander-v3/001/policy.onnx"):
        assert lander("eval", typed).message.endswith("Type: lander train")
    shipped = lander("eval", "LunarLander-v3").message
    assert shipped == "LunarLander-v3 does not exist. Did you mean lunarlander-v3, which ships?"
    assert lander("eval", "xyz").message.endswith("lander models lists the policies that ship.")
    policy = exported("LunarLander-v3/001")
    assert lander("eval", policy.with_name("polcy.onnx")).message.endswith(f"Did you mean {policy}?")
    assert "mean" not in lander("eval", policy.with_name("best.onnx")).message
    assert lander("export", "runs/LunarLandr-v3").message.endswith("Did you mean runs/LunarLander-v3?")
    assert lander("train", "Doom").message.startswith(
        "Gymnasium does not know 'Doom'. Did you mean VizdoomBasic-v1?"
    )


def test_a_missing_policy_is_refused_alike_by_each_command(lander: Lander) -> None:
    for command in ("eval", "compare", "inspect", "verify", "play", "serve", "bench"):
        outcome = lander(command, "gone.onnx", *(["gone.onnx"] if command == "compare" else []))
        assert (outcome.code, outcome.message) == (
            3, "gone.onnx does not exist. lander models lists the policies that ship."
        )  # fmt: skip


def test_an_empty_file_is_called_empty_by_each_command(lander: Lander) -> None:
    for name in ("e.onnx", "e.zip", "e.pth", "e.safetensors", "e.jsonl.gz", "e.json", "e.toml"):
        Path(name).touch()
    for typed in (
        ["eval", "e.onnx"], ["inspect", "e.onnx"], ["verify", "e.onnx"], ["play", "e.onnx"],
        ["serve", "e.onnx"], ["bench", "e.onnx"], ["compare", "e.onnx", "e.onnx"], ["merge", "e.json"],
        ["replay", "e.jsonl.gz"], ["export", "e.zip"], ["export", "e.pth", "--env", "CartPole-v1"],
        ["export", "e.safetensors"], ["export", "e.onnx", "--int8"], ["train", "--init", "e.pth"],
    ):  # fmt: skip
        [file] = {word for word in typed if word.startswith("e.")}
        outcome = lander(*typed)
        assert (outcome.code, outcome.message) == (3, f"{file} is empty.")


def test_the_name_of_a_policy_that_ships_stands_for_it(lander: Lander, exported: Any) -> None:
    named = lander("eval", "lunarlander-v3", "--episodes", "1", "--gif", "none")
    assert named.code == 0
    assert "models/lunarlander-v3/policy.onnx (ships with lander)" in named.err
    assert lander("inspect", "lunarlander-v3").code == 0
    shutil.copy(exported("LunarLander-v3/001"), "lunarlander-v3")
    assert "(as named)" in lander("eval", "lunarlander-v3", "--episodes", "1", "--gif", "none").err


def test_a_new_folder_is_said_and_a_mistyped_path_refused_before_the_work(
    lander: Lander, exported: Any, tree: Callable[[], set[str]]
) -> None:
    policy = exported("LunarLander-v3/001")
    made = lander("eval", policy, "--episodes", "1", "--gif", "new/a.gif", "--out", "new/a.json")
    assert made.code == 0
    assert made.err.count("The folder new is missing and will be made.") == 1
    assert Path("new/a.json").is_file()
    before = tree()
    for typed in (
        ["eval", policy, "--gif", "a/b/x.gif"], ["eval", policy, "--mp4", "a/b/x.mp4"],
        ["eval", policy, "--out", "a/b/x.json"], ["eval", policy, "--save-replay", "a/b/x.jsonl.gz"],
        ["eval", policy, "--report", "a/b/page"], ["replay", "any.jsonl.gz", "--gif", "a/b/x.gif"],
        ["merge", "new/a.json", "--out", "a/b/x.json"], ["bench", policy, "--plot", "a/b/x.png"],
        ["plot", "--out", "a/b/x.png"], ["play", policy, "--out", "a/b/x.html"],
        ["export", policy, "--format", "c", "--out", "a/b/x.h"],
        ["export", policy, "--format", "triton", "--out", "a/b/x"],
        ["export", policy, "--int8", "--out", "a/b/x.onnx"],
    ):  # fmt: skip
        refused = lander(*typed)
        assert (refused.code, refused.out) == (2, "")
        assert f"there is no folder {Path('a').absolute()}. Make the folder" in refused.message
    assert tree() == before


def test_a_function_without_a_command_is_answered_with_one(lander: Lander) -> None:
    outcome = lander("record")
    assert outcome.code == 2
    assert "No such command 'record'. Type: lander eval FILE --gif FILE.gif" in outcome.err


def test_a_file_of_another_kind_is_called_what_it_is(lander: Lander, exported: Any) -> None:
    policy = exported("LunarLander-v3/001")
    settings = policy.with_name("config.toml")
    settings.write_text('env = "LunarLander-v3"\n', encoding="utf-8")
    outcome = lander("eval", settings)
    assert (outcome.code, outcome.message) == (
        3, f"config.toml: not an ONNX file; it is text. Did you mean {policy}?"
    )  # fmt: skip
    assert lander("export", settings).message == f"{settings}: not a checkpoint; it is text."
    assert lander("replay", policy).message.endswith("Make one with: lander eval --save-replay eval.jsonl.gz")


def test_one_episode_has_no_spread(lander: Lander) -> None:
    policy = DATA / "tiny-discrete.onnx"
    one = lander("eval", policy, "--episodes", "1", "--gif", "none").out
    assert "±" not in one
    assert "mean - std" not in one
    assert "±" in lander("eval", policy, "--episodes", "2", "--gif", "none").out


def test_a_policy_where_a_checkpoint_is_meant(lander: Lander, exported: Any) -> None:
    path = exported("LunarLander-v3/001")
    assert lander("export", path).message.endswith(f"Type: lander eval {path}")
    theirs = DATA / "cleanrl-agent-opset11.onnx"
    assert lander("export", theirs).message.endswith(f"Type: lander eval {theirs} --env ID")


def test_next_keeps_what_was_typed(lander: Lander, exported: Any) -> None:
    path = exported("LunarLander-v3/001")
    typed = ["--env-arg", "enable_wind=true", "--seed", "5", "--sampled"]
    outcome = lander("eval", *typed, "--episodes", "1", "--gif", "none")
    assert outcome.next == f"lander eval {path} {' '.join(typed)} --episodes 1000"


def test_a_value_of_another_type_than_the_environment_declares(lander: Lander) -> None:
    evaluated = lander("eval", DATA / "tiny-discrete.onnx", "--env-arg", "enable_wind=maybe")
    assert evaluated.code == 2
    assert "Evaluating" not in evaluated.err
    outcome = lander("train", "--env-arg", "enable_wind=maybe")
    assert outcome.code == 2
    assert outcome.message.startswith("LunarLander-v3 takes true or false as enable_wind, found 'maybe'.")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "typed",
    [
        ["eval", DATA / "tiny-discrete.onnx"],
        ["compare", DATA / "tiny-discrete.onnx", DATA / "tiny-discrete.onnx"],
        ["export", DATA / "sb3" / "ppo-LunarLander.zip", "--env", "LunarLander-v3"],
        ["export", DATA / "sb3" / "ppo-LunarLander.zip", "--env", "LunarLander-v3", "--format", "c"],
        ["train", "LunarLander-v3"],
        ["train", "LunarLander-v3", "--seeds", "2"],
    ],
    ids=lambda typed: " ".join(map(str, typed[:1] + typed[3:])),
)
@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (
            "enable_wnd=true",
            "LunarLander-v3 has no argument 'enable_wnd'. Did you mean enable_wind? Its arguments: "
            "continuous, gravity, enable_wind, wind_power, turbulence_power.",
        ),
        ("gravity=-20", "Gymnasium cannot make LunarLander-v3 with {'gravity': -20}: gravity "),
    ],
)
def test_an_argument_is_refused_before_anything_is_said(
    lander: Lander, tree: Callable[[], set[str]], typed: list[Any], argument: str, words: str
) -> None:
    before = tree()
    outcome = lander(*typed, "--env-arg", argument)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"lander: {words}")
    assert tree() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_or_a_file_in_the_wrong_place_is_not_missing(lander: Lander) -> None:
    os.mkfifo("p.fifo")
    Path("run").write_text("")
    found = lander("export", "p.fifo")
    assert (found.code, "found a folder, a pipe or a device" in found.message) == (3, True)
    for name in ("p.fifo", "run"):
        found = lander("plot", name)
        assert (found.code, found.message) == (
            3,
            f"{name}: expected the folder of a run or of runs, found a file.",
        )
