"""Hints lead somewhere: what is typed next is named, and what was typed is kept."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_rl.inputs.finding import waiting_run

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


def test_a_run_that_was_trained_further_is_named(lander: Lander, add_run: Any) -> None:
    """The policy file tells when and after how many steps its weights were saved; so does a checkpoint."""
    run = add_run("001")
    assert lander("export", run, "--episodes", "0", "--no-gif").code == 0
    scored = ["--episodes", "1", "--gif", "none", "--import", "json"]
    typed = [["eval", run], ["eval", run / "policy.onnx"], ["eval", "runs"], ["eval"], ["verify", run]]
    for command in typed[:4]:
        assert "lander export" not in lander(*command, *scored).err

    weights = run / "best.safetensors"
    content = weights.read_bytes()
    further = re.sub(rb'(updates\\": 1, \\"steps\\": )\d{3}', rb"\g<1>999", content)
    assert further != content
    weights.write_bytes(further)
    # A copied folder has other times; what the files say counts.
    os.utime(weights, (1_600_000_000,) * 2)
    for command in typed:
        outcome = lander(*command, *(scored if command[0] == "eval" else scored[-2:]))
        assert outcome.code == 0
        assert f"; its run was trained further since: lander export {run} --import json)" in outcome.err
        assert outcome.err.splitlines()[-3] == (
            f"This policy is older than its run: {run} was trained further since the export."
        )
        assert outcome.next == f"lander export {run} --import json"
    compared = lander("compare", run, run, "--episodes", "2")
    assert f" is older than its run: {run} was trained further since the export." in compared.err
    pushed = lander("push", "me/x")
    assert (
        pushed.message
        == f"The newest run, {run}, was trained further since its export. Type: lander export {run}"
    )

    # A checkpoint that does not say when it was saved: then the times of the files decide.
    weights.write_bytes(content.replace(b"created", b"creatxd"))
    assert "was trained further" in lander("eval", run, *scored).err
    os.utime(weights, (1_600_000_000,) * 2)
    assert "was trained further" not in lander("eval", run, *scored).err


def test_a_folder_without_runs_has_none_that_waits(exported: Any) -> None:
    """`lander serve` takes a folder of files of any name."""
    policy = exported("LunarLander-v3/001")
    policy.rename(policy.with_name("mine.onnx"))
    assert waiting_run(policy.parent) is None


def test_hints_keep_the_modules_that_register_environments(lander: Lander, add_run: Any) -> None:
    run = add_run("001")
    modules = ["--import", "json", "--import", "csv"]
    words = " ".join(modules)
    weights, policy = run / "best.safetensors", DATA / "tiny-discrete.onnx"
    for command, hint in [
        (["eval", run], f"lander export {run} {words}"),
        (["eval", "runs"], f"lander export {run} {words}"),
        (["verify", run], f"lander export {run} {words}"),
        (["compare", run, policy], f"lander export {run} {words}"),
        (["push", "me/x"], f"lander export {run} {words}"),
        (["eval", "best.safetensors"], f"lander export {run} {words}"),
        (["eval", weights], f"lander export {weights} {words}"),
        (["export", policy], f"lander eval {policy} {words}"),
    ]:
        outcome = lander(*command, *modules)
        assert (outcome.code in (2, 3), outcome.message.endswith(hint)) == (True, True), outcome.err
    waiting = lander("eval", "--episodes", "1", "--gif", "none", *modules)
    assert waiting.next == f"lander export {run} {words}"
    assert f"has not been exported: lander export {run} {words})" in waiting.err
    done = lander("train", "--resume", run, *modules)
    assert f"To go on: lander train --resume {run} {words} --steps" in done.err


def test_a_run_that_is_not_there_is_answered_with_those_that_are(lander: Lander, add_run: Any) -> None:
    for age, name in enumerate(["004", "003", "002", "001"]):
        add_run(name, age=age)
    folder = Path("runs/CartPole-v1")
    missing = folder / "999"
    for command in (
        ["eval", missing], ["export", missing], ["export", missing, "--format", "c"], ["plot", missing],
        ["train", "--resume", missing], ["train", "CartPole-v1", "--init", missing],
        ["eval", missing / "policy.onnx"], ["export", missing / "best.safetensors"],
    ):  # fmt: skip
        outcome = lander(*command)
        newest = ", ".join(str(folder / name) for name in ("004", "003", "002"))
        assert outcome.code == 3
        assert outcome.message.endswith(f" Runs there, newest first: {newest}.")
    assert lander("export", "runs/Other-v0/001").message.endswith(
        f"{folder}/004, {folder}/003, {folder}/002."
    )
    assert "Runs there" not in lander("export", folder / "other.pth").message


def test_without_runs_a_missing_run_leads_to_a_training(lander: Lander) -> None:
    for command in (["export"], ["plot"], ["train", "--resume"]):
        outcome = lander(*command, "runs/LunarLander-v3/009")
        assert (outcome.code, outcome.message.endswith("Type: lander train")) == (3, True)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["eval", "--no-gif"], "Here --gif takes a value. Type --gif none in place of --no-gif."),
        (["replay", "x.jsonl.gz", "--no-gif"], "No GIF is drawn without --gif. Leave out --no-gif."),
        (["export", "--gif", "none"], "Here --gif takes no value. Type --no-gif in place of --gif none."),
        (["export", "--gif=none"], "Here --gif takes no value. Type --no-gif in place of --gif none."),
    ],
)
def test_no_gif_in_another_commands_words(lander: Lander, typed: list[str], answer: str) -> None:
    outcome = lander(*typed)
    assert (outcome.code, outcome.message) == (2, answer)


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
