"""A run of other kernels: resumed and exported all the same, and the difference is said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lander_runtime.kernels import INSTRUCTIONS, KERNEL, kernels_here
from lander_trainer import Checkpoint

pytestmark = pytest.mark.skipif(KERNEL not in kernels_here(), reason="NumPy does not say its kernels here")

RUN = [
    "CartPole-v1", "--backend", "gymnasium", "--device", "cpu", "--steps", "512", "--out", "run",
    "--set", "lanes=8", "--set", "rollout_steps=32", "--set", "selection_episodes=2",
]  # fmt: skip


def test_a_difference_is_recorded_and_said(lander: Any) -> None:
    assert lander("train", *RUN).code == 0
    for name in ("checkpoint", "best"):
        path = Path(f"run/{name}.safetensors")
        checkpoint = Checkpoint.load(path)
        assert {KERNEL, INSTRUCTIONS} & kernels_here().keys() <= checkpoint.versions.keys()
        replace(checkpoint, versions={**checkpoint.versions, KERNEL: "OpenBLAS Other"}).save(path)
    here = kernels_here()[KERNEL]
    exported = lander("export", "run", "--episodes", 0, "--no-gif")
    assert exported.code == 0
    assert f"It was trained with OpenBLAS Other, and NumPy has {here} here" in exported.err
    assert f"{KERNEL} OpenBLAS Other" in Path("run/policy.md").read_text()
    resumed = lander("train", "--resume", "run", "--steps", 1024)
    assert resumed.code == 0
    assert f"The run was made with OpenBLAS Other, and NumPy has {here} here" in resumed.err
    assert "OPENBLAS_CORETYPE=Other in the environment" in resumed.err


def test_the_same_kernels_are_not_mentioned(lander: Any) -> None:
    assert lander("train", *RUN).code == 0
    assert "NumPy has" not in lander("export", "run", "--episodes", 0, "--no-gif").err
    assert "NumPy has" not in lander("train", "--resume", "run", "--steps", 1024).err
