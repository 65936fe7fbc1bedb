"""Devices: what was asked for is what runs, or an error; and nothing is printed on the way."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lander_runtime import InputRefused, MachineLacks, Policy, UsageError
from lander_runtime.session import _cuda_devices, open_session

HAS_GPU = _cuda_devices() > 0
needs_gpu = pytest.mark.skipif(not HAS_GPU, reason="no NVIDIA GPU with a working driver here")
needs_no_gpu = pytest.mark.skipif(HAS_GPU, reason="this machine has an NVIDIA GPU")


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:0", "tpu", "", " cpu"])
def test_an_unknown_device_is_refused(tiny_discrete: Path, device: str) -> None:
    with pytest.raises(UsageError, match=rf"Unknown device '{device}'\. Choose auto, cpu or cuda"):
        open_session(tiny_discrete.read_bytes(), "tiny.onnx", device)
    with pytest.raises(UsageError):
        Policy.load(tiny_discrete, device)


def test_cpu_is_cpu(tiny_discrete: Path) -> None:
    opened = open_session(tiny_discrete.read_bytes(), "tiny.onnx", "cpu")
    assert (opened.provider, opened.device, opened.note) == ("CPUExecutionProvider", "cpu", None)
    assert opened.session.get_providers() == ["CPUExecutionProvider"]
    (action,) = opened.run(["action"], {"obs": np.zeros((3, 8), np.float32)})
    assert action.shape == (3,)


@needs_no_gpu
def test_cuda_where_there_is_none_is_an_error(tiny_discrete: Path) -> None:
    with pytest.raises(
        MachineLacks, match=r"No CUDA session for tiny-discrete\.onnx: .*--device cpu"
    ) as found:
        Policy.load(tiny_discrete, "cuda")
    assert found.value.exit_code == 4


@needs_no_gpu
def test_auto_without_a_gpu_is_the_cpu_and_nothing_to_mention(tiny_discrete: Path) -> None:
    opened = open_session(tiny_discrete.read_bytes(), "tiny.onnx", "auto")
    assert (opened.provider, opened.device, opened.note) == ("CPUExecutionProvider", "cpu", None)


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_broken_model_is_refused_whatever_the_device(device: str) -> None:
    with pytest.raises(InputRefused, match=r"broken\.onnx: ONNX Runtime cannot load it"):
        open_session(b"nothing of the kind", "broken.onnx", device)


def test_loading_is_quick_and_silent(tiny_discrete: Path) -> None:
    """Seen from outside the process, because ONNX Runtime prints below Python's `sys.stdout`."""
    code = """if True:
        import sys, time
        from lander_runtime import Policy
        started = time.perf_counter()
        policy = Policy.load(sys.argv[1], "auto")
        policy.self_test()
        # Without a GPU nothing is to be searched for; with one, CUDA starts in a few seconds.
        assert time.perf_counter() - started < (2 if policy.device == "cpu" else 60)
    """
    child = subprocess.run([sys.executable, "-c", code, tiny_discrete], capture_output=True, timeout=120)
    assert (child.returncode, child.stdout, child.stderr) == (0, b"", b"")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_cuda_agrees_with_the_cpu(tiny_discrete: Path, tiny_continuous: Path, device: str) -> None:
    batch = np.random.default_rng(8).standard_normal((257, 8)).astype(np.float32)
    for path in (tiny_discrete, tiny_continuous):
        on_cpu, on_gpu = Policy.load(path, "cpu"), Policy.load(path, device)
        assert (on_gpu.provider, on_gpu.device) == ("CUDAExecutionProvider", "cuda")
        assert on_gpu.device_note is None
        assert on_gpu.self_test() <= 1e-5
        expected, found = on_cpu.outputs(batch), on_gpu.outputs(batch)
        assert found.keys() == expected.keys()
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5)
            assert found[name].dtype == expected[name].dtype


@pytest.mark.gpu
@needs_gpu
def test_a_broken_model_on_the_gpu_is_an_error_not_a_way_round(tiny_discrete: Path) -> None:
    with pytest.raises((MachineLacks, InputRefused)):
        open_session(tiny_discrete.read_bytes()[:900], "broken.onnx", "cuda")
