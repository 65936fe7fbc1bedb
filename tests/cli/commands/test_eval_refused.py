"""`lander eval`: values that cannot be, devices that are not here, files that are no policies; the window."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_runtime import Policy, evaluate

Lander = Callable[..., Any]
Start = Callable[..., Any]

DATA = Path(__file__).parents[2] / "data"

HAS_GPU = Path("/proc/driver/nvidia/gpus").is_dir()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--episodes", "0"], "--episodes"),
        (["--episodes", "-3"], "--episodes"),
        (["--episodes", "1e20"], "--episodes"),
        (["--episodes", "1e20", "--shard", "1/1"], "--episodes"),
        (["--episodes", "2.5"], "--episodes"),
        (["--episodes", "1e-1"], "--episodes"),
        (["--episodes", "inf"], "--episodes"),
        (["--episodes", "nan"], "--episodes"),
        (["--episodes", "-1e3"], "--episodes"),
        (["--seed", "1e999"], "--seed"),
        (["--seed", "-1"], "--seed"),
        (["--device", "tpu"], "auto, cpu or cuda"),
        (["--render", "ascii"], "--render"),
        (["--render", "human", "--workers", "2"], "--workers"),
    ],
)
def test_bad_values_are_usage_errors(lander: Lander, tiny: Path, arguments: list[str], named: str) -> None:
    found = lander("eval", tiny, *arguments)
    assert (found.code, found.out) == (2, "")
    assert named in found.err
    assert not [*Path().glob("*.gif")]


@pytest.mark.parametrize(
    ("episodes", "seed", "first"),
    [("2e0", "1e6", 1_000_000), ("0_2", "1_000", 1000), ("2.0", "9007199254740993", 9_007_199_254_740_993)],
)
def test_numbers_may_be_written_as_people_write_them(
    lander: Lander, tiny: Path, episodes: str, seed: str, first: int
) -> None:
    """The last is 2^53 + 1, which no float holds."""
    found = lander("eval", tiny, "--episodes", episodes, "--seed", seed, "--json")
    assert found.code == 0, found.err
    report = json.loads(found.out)
    assert (report["episodes"], report["first_seed"]) == (2, first)


@pytest.mark.skipif(HAS_GPU, reason="this machine has an NVIDIA GPU")
def test_cuda_without_a_gpu_is_what_the_machine_lacks(lander: Lander, tiny: Path) -> None:
    found = lander("eval", tiny, "--device", "cuda")
    assert (found.code, found.out) == (4, "")
    assert "--device cpu" in found.message


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="no NVIDIA GPU here")
def test_cuda_is_reported_where_it_ran(lander: Lander, tiny: Path) -> None:
    arguments = ["eval", tiny, "--episodes", "2", "--json", "--device"]
    on_gpu, on_cpu = (json.loads(lander(*arguments, device).out) for device in ("cuda", "cpu"))
    assert on_gpu["provider"] == "CUDAExecutionProvider"
    assert on_gpu["lengths"] == on_cpu["lengths"]
    np.testing.assert_allclose(on_gpu["returns"], on_cpu["returns"], rtol=1e-3)


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", random.Random(1).randbytes(3000), b"\0" * 1000],
    ids=["empty", "gif", "random", "zeros"],
)
def test_what_is_no_policy_is_refused(lander: Lander, content: bytes) -> None:
    Path("stranger.onnx").write_bytes(content)
    found = lander("eval", "stranger.onnx")
    assert (found.code, found.out) == (3, "")
    assert "stranger.onnx" in found.message
    assert not [*Path().glob("*.gif")]


def test_half_a_policy_is_refused(lander: Lander, tiny: Path) -> None:
    tiny.write_bytes(tiny.read_bytes()[:-100])
    found = lander("eval", tiny)
    assert (found.code, found.out) == (3, "")
    assert "tiny.onnx" in found.message


class TestWindow:
    """`--render human`, drawn by SDL's driver for machines without a screen."""

    def test_it_flies_in_real_time_and_records_nothing_unasked(self, start: Start, tiny: Path) -> None:
        arguments = ["eval", tiny, "--episodes", "1", "--render", "human", "--json"]
        found = start(*arguments, env={"SDL_VIDEODRIVER": "dummy"}).end()
        assert found.code == 0, found.err
        report = json.loads(found.out)
        assert report["returns"] == evaluate(Policy.load(tiny, "cpu"), episodes=1).results.returns.tolist()
        # Gymnasium draws 50 frames a second; unlimited, this policy makes thousands.
        assert report["steps_per_second"] < 60
        assert not [*Path().glob("*.gif")]

    def test_without_a_screen_the_machine_lacks_something(self, start: Start, tiny: Path) -> None:
        arguments = ["eval", tiny, "--episodes", "1", "--render", "human"]
        found = start(*arguments, env={"SDL_VIDEODRIVER": "nosuchdriver"}).end()
        assert (found.code, found.out) == (4, "")
        assert "Traceback" not in found.err
        assert "window" in found.message
        assert "--gif" in found.message
