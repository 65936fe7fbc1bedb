"""A run that was ended by a signal and resumed equals an uninterrupted run, bit for bit."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lander_trainer import Checkpoint

Lander = Callable[..., Any]
Start = Callable[..., Any]

RUN = Path("run")
TIMES = {"seconds", "steps_per_second"}


UPDATES = 48


@pytest.fixture(scope="module")
def command() -> list[Any]:
    """Four selections, some seconds in all; `lander train` with one worker and no checkpoint in between."""
    options = ("--backend", "gymnasium", "--device", "cpu", "--steps", UPDATES * 256)
    values = ("lanes=8", "rollout_steps=32", "selection_episodes=2", "selections=4", "workers=1")
    return ["CartPole-v1", *options, *(part for value in values for part in ("--set", value))]


@pytest.fixture(scope="module")
def whole(lander: Lander, command: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted run. Not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert lander("train", *command, "--out", folder).code == 0
    return folder


def rows(folder: Path) -> list[dict[str, Any]]:
    """The metrics without what depends on the clock."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {n: v for n, v in json.loads(line).items() if n not in TIMES and not n.endswith("_seconds")}
        for line in lines
    ]


def check_equal_runs(one: Path, other: Path) -> None:
    assert rows(one) == rows(other)
    assert [row["update"] for row in rows(one)] == list(range(1, UPDATES + 1))
    for name in ("checkpoint.safetensors", "best.safetensors"):
        mine, theirs = Checkpoint.load(one / name), Checkpoint.load(other / name)
        assert mine.tensors.keys() == theirs.tensors.keys()
        assert all(torch.equal(tensor, theirs.tensors[key]) for key, tensor in mine.tensors.items()), name
        assert mine.rng == theirs.rng
        assert replace(mine.progress, seconds=0.0) == replace(theirs.progress, seconds=0.0)
        assert not mine.progress.resumed


def has_a_row() -> bool:
    return (RUN / "metrics.jsonl").is_file() and "\n" in (RUN / "metrics.jsonl").read_text()


def is_between_two_checkpoints() -> bool:
    """An update is done that no checkpoint knows yet."""
    saved = RUN / "checkpoint.safetensors"
    return saved.is_file() and len(rows(RUN)) > Checkpoint.load(saved).progress.updates


def resume(lander: Lander) -> None:
    assert Checkpoint.load(RUN / "checkpoint.safetensors").progress.updates < UPDATES
    assert lander("train", "--resume", RUN).code == 0


def test_after_sigterm_to_its_group(start: Start, lander: Lander, command: list[Any], whole: Path) -> None:
    child = start("train", *command, "--set", "workers=2", "--out", RUN, own_group=True)
    child.wait_until(has_a_row)
    # `timeout` sends the signal to the whole group, as a terminal does with Ctrl-C.
    os.killpg(child.process.pid, signal.SIGTERM)
    stopped = child.end()
    assert stopped.code == 143
    assert "Traceback" not in stopped.err
    resume(lander)
    check_equal_runs(RUN, whole)


def test_after_a_kill_between_two_checkpoints(
    start: Start, lander: Lander, command: list[Any], whole: Path
) -> None:
    child = start("train", *command, "--set", "checkpoint_seconds=0.5", "--out", RUN)
    child.wait_until(is_between_two_checkpoints)
    child.process.kill()
    assert child.end().code == -signal.SIGKILL
    resume(lander)
    check_equal_runs(RUN, whole)
