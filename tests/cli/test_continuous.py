"""Continuous actions from nothing to a GIF, typed command by command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from lander_runtime.policy.policy import Policy

Lander = Callable[..., Any]


def sets(*assignments: str) -> list[str]:
    return [part for assignment in assignments for part in ("--set", assignment)]


def frames(gif: Path) -> int:
    with Image.open(gif) as picture:
        return picture.n_frames


def test_pendulum_goes_through_train_export_and_eval(lander: Lander) -> None:
    small = sets(
        "rollout_steps=64", "minibatches=4", "selection_episodes=2",
        "normalize_observations=true", "normalize_rewards=true",
    )  # fmt: skip
    trained = lander("train", "Pendulum-v1", "--steps", "1", "--device", "cpu", *small)
    assert trained.code == 0, trained.err
    assert trained.next == f"lander export {Path('runs/Pendulum-v1/001')}"
    exported = lander("export", "--episodes", "1")
    assert exported.code == 0, exported.err
    assert "outputs within" in exported.out
    file = Path("runs/Pendulum-v1/001/policy.onnx")
    assert frames(file.with_suffix(".gif")) > 1
    evaluated = lander("eval", "--episodes", "2", "--gif", "eval.gif", "--json", "--device", "cpu")
    report = json.loads(evaluated.out)
    assert (report["env"]["id"], report["lengths"]) == ("Pendulum-v1", [200, 200])
    assert frames(Path("eval.gif")) > 1
    assert lander("eval", file, "--sampled", "--episodes", "1", "--json", "--device", "cpu").code == 0
    assert lander("inspect", file).code == 0
    action = Policy.load(file, "cpu").info.action
    assert (action.type, action.shape, action.low, action.high) == ("Box", (1,), -2.0, 2.0)
