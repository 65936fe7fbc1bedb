"""`lander train`: how a run ends, by its target or its time, and how a run goes on that has ended."""

import json
import random
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lander_trainer import Checkpoint, RunDirectory

Lander = Callable[..., Any]
Tree = Callable[[], set[str]]


def test_a_target_that_is_reached_ends_the_run_and_is_no_interruption(
    lander: Lander, tiny_run: list[Any]
) -> None:
    found = lander("train", *tiny_run, "--steps", "10_000", "--target", "5", "--json")
    assert found.code == 0
    result = json.loads(found.out)
    assert result["reached_target"]
    assert not result["interrupted"]
    # At the first of the 20 selections; no CartPole falls within 5 steps.
    assert result["updates"] == 2
    assert "Reached the target of 5" in found.err


def test_a_target_that_is_not_reached_is_said(lander: Lander, tiny_run: list[Any]) -> None:
    found = lander("train", *tiny_run, "--steps", "512", "--target", "501", "--json")
    assert found.code == 0
    assert not json.loads(found.out)["reached_target"]
    assert "The target of 501 was not reached" in found.err


def test_a_target_that_the_run_brings_along_is_not_forgotten(lander: Lander, tiny_run: list[Any]) -> None:
    assert lander("train", *tiny_run, "--steps", "256", "--target", "501", "--out", "run").code == 0
    found = lander("train", "--resume", "run", "--steps", "512")
    assert found.code == 0
    assert "The target of 501 was not reached" in found.err


def test_a_target_that_was_reached_before_is_not_missed(lander: Lander, tiny_run: list[Any]) -> None:
    assert lander("train", *tiny_run, "--steps", "256", "--target", "5", "--out", "run").code == 0
    assert "was not reached" not in lander("train", "--resume", "run").err


@pytest.mark.parametrize("selections", ["selections=1", " selections = 1"])
def test_a_given_number_of_selections_holds_with_a_target_too(
    lander: Lander, tiny_run: list[Any], selections: str
) -> None:
    found = lander(
        "train", *tiny_run, "--steps", "512", "--target", "5", "--set", selections, "--out", "run", "--json"
    )
    assert found.code == 0
    assert json.loads(found.out)["updates"] == 2
    assert [row["selection_score"] is None for row in RunDirectory(Path("run")).read_metrics()] == [
        True,
        False,
    ]


def test_steps_that_are_set_end_a_run_that_is_given_a_time(lander: Lander, tiny_run: list[Any]) -> None:
    found = lander("train", *tiny_run, "--time", "1h", "--set", "steps=256", "--json")
    assert found.code == 0
    assert json.loads(found.out)["updates"] == 1


def test_a_run_that_is_given_a_time_ends_with_it(lander: Lander, tiny_run: list[Any]) -> None:
    found = lander("train", *tiny_run, "--time", "1s", "--out", "run", "--json")
    assert found.code == 0
    result = json.loads(found.out)
    assert not result["interrupted"]
    assert result["seconds"] >= 1.0
    last = RunDirectory(Path("run")).read_metrics()[-1]
    assert last["done"] == 1.0
    # The schedule was fitted to it: the last update's rate is next to nothing.
    first = RunDirectory(Path("run")).read_metrics()[0]
    assert last["learning_rate"] < 0.5 * first["learning_rate"]
    # Resuming it says why nothing happens, and what to type.
    again = lander("train", "--resume", "run")
    assert again.code == 0
    assert RunDirectory(Path("run")).read_metrics()[-1] == last
    [said] = [line for line in again.err.splitlines() if line.startswith("run is done. To go on: ")]
    longer = shlex.split(said.partition(": ")[2])
    assert longer[:5] == ["lander", "train", "--resume", "run", "--time"]
    assert float(longer[5].removesuffix("s")) > result["seconds"]


class TestResume:
    @pytest.mark.parametrize("folder", ["nowhere", "empty", "file"])
    def test_where_no_run_is_there_is_nothing_to_go_on_with(
        self, lander: Lander, tree: Tree, folder: str
    ) -> None:
        Path("empty").mkdir()
        Path("file").write_text("")
        found = lander("train", "--resume", folder)
        assert (found.code, found.out) == (3, "")
        assert folder in found.message
        assert tree() == {"empty", "file"}

    @pytest.mark.parametrize(
        "conflict",
        [
            ["CartPole-v1"],
            ["--seed", "1"],
            ["--preset", "default"],
            ["--set", "gamma=0.5"],
            ["--set", "steps=5000"],
            ["--out", "other"],
        ],
        ids=lambda conflict: conflict[0],
    )
    def test_settings_that_a_run_keeps_cannot_be_given_again(
        self, lander: Lander, add_run: Callable[..., Path], tree: Tree, conflict: list[str]
    ) -> None:
        run = add_run()
        before = tree()
        found = lander("train", "--resume", run, *conflict)
        assert (found.code, found.out) == (2, "")
        assert "--steps" in found.message
        assert tree() == before

    def test_it_goes_on_where_the_run_stopped(self, lander: Lander, add_run: Callable[..., Path]) -> None:
        """A run of one update is given three more."""
        run = add_run()
        first = RunDirectory(run).read_metrics()
        found = lander("train", "--resume", run, "--steps", "1e3", "--json")
        assert found.code == 0
        assert found.err.startswith(f"Resuming CartPole-v1 in {run}\n")
        assert f"from step {first[-1]['steps']:,}" in found.err
        assert [row["update"] for row in RunDirectory(run).read_metrics()] == [1, 2, 3, 4]
        assert RunDirectory(run).read_metrics()[:1] == first
        assert json.loads(found.out)["updates"] == 4
        assert json.loads(found.out)["steps"] == RunDirectory(run).read_metrics()[-1]["steps"]
        assert found.next == f"lander export {run}"

    def test_it_says_where_the_run_can_no_longer_be_repeated(
        self, lander: Lander, add_run: Callable[..., Path]
    ) -> None:
        run = add_run()
        # Other steps are another schedule.
        found = lander("train", "--resume", run, "--steps", "512")
        assert "not what one run without a break gives" in found.err

    def test_a_run_that_is_done_says_so(self, lander: Lander, add_run: Callable[..., Path]) -> None:
        """With the command that makes it longer, which is what the user wants."""
        run = add_run()
        found = lander("train", "--resume", run)
        assert found.code == 0
        assert "--steps" in found.err
        assert len(RunDirectory(run).read_metrics()) == 1

    def test_a_run_cannot_be_made_shorter_than_it_is(
        self, lander: Lander, add_run: Callable[..., Path]
    ) -> None:
        """Its settings would then say less than was done."""
        run = add_run()
        assert lander("train", "--resume", run, "--steps", "1000").code == 0
        kept = {path.name: path.read_bytes() for path in run.iterdir()}
        found = lander("train", "--resume", run, "--steps", "300")
        assert found.code == 2
        assert {path.name: path.read_bytes() for path in run.iterdir()} == kept

    def test_a_damaged_checkpoint_is_refused(self, lander: Lander, add_run: Callable[..., Path]) -> None:
        run = add_run()
        whole = (run / "checkpoint.safetensors").read_bytes()
        for damaged in (b"", whole[: len(whole) // 2], random.Random(0).randbytes(1000)):
            (run / "checkpoint.safetensors").write_bytes(damaged)
            found = lander("train", "--resume", run)
            assert (found.code, found.out) == (3, "")
            assert "checkpoint.safetensors" in found.message

    def test_an_environment_that_is_unknown_here_is_the_checkpoint_s_fault(
        self, lander: Lander, add_run: Callable[..., Path]
    ) -> None:
        """As for `lander export` and `lander eval`."""
        run = add_run()
        path = run / "checkpoint.safetensors"
        checkpoint = Checkpoint.load(path)
        env = replace(checkpoint.env, id="NoSuchEnv-v0")
        replace(checkpoint, env=env, config=replace(checkpoint.config, env=env.id)).save(path)
        for command in (["train", "--resume", run, "--steps", "512"], ["export", path]):
            found = lander(*command)
            assert (found.code, found.out) == (3, "")
            assert "checkpoint.safetensors" in found.message
            assert "NoSuchEnv-v0" in found.message
