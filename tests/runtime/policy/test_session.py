"""Devices: the requested device runs, or there is an error; and nothing is printed."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from lander_runtime import InputRefused, MachineLacks, Policy, UsageError
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy import session
from lander_runtime.policy.cuda_graph import capture_cuda_graph
from lander_runtime.policy.session import OpenSession, _cuda_devices, open_session

DOOM = Path(__file__).parents[3] / "models" / "doom-basic-v1" / "policy.onnx"

HAS_GPU = _cuda_devices() > 0
needs_gpu = pytest.mark.skipif(not HAS_GPU, reason="no NVIDIA GPU with a working driver here")
needs_no_gpu = pytest.mark.skipif(HAS_GPU, reason="this machine has an NVIDIA GPU")
needs_gpu_build = pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="the CPU build of ONNX Runtime is installed",
)


def read(path: Path) -> Model:
    return read_model(path.read_bytes(), path.name)


def broken(path: Path) -> Model:
    """Allowed in all its parts, and without the node that the others take their input from."""
    model = read(path)
    return replace(model, graph=replace(model.graph, nodes=model.graph.nodes[1:]))


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:0", "tpu", "", " cpu"])
def test_an_unknown_device_is_refused(tiny_discrete: Path, device: str) -> None:
    with pytest.raises(UsageError, match=rf"Unknown device '{device}'\. Choose auto, cpu or cuda"):
        open_session(read(tiny_discrete), "tiny.onnx", device)
    with pytest.raises(UsageError):
        Policy.load(tiny_discrete, device)


def test_cpu_is_cpu(tiny_discrete: Path) -> None:
    opened = open_session(read(tiny_discrete), "tiny.onnx", "cpu")
    assert (opened.provider, opened.device, opened.note) == ("CPUExecutionProvider", "cpu", None)
    assert opened.session.get_providers() == ["CPUExecutionProvider"]
    (action,) = opened.run(["action"], {"obs": np.zeros((3, 8), np.float32)})
    assert action.shape == (3,)


@needs_no_gpu
def test_cuda_where_there_is_none_is_an_error(tiny_discrete: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whether CUDA's libraries are installed or not."""
    with pytest.raises(
        MachineLacks, match=r"No CUDA session for tiny-discrete\.onnx: .*--device cpu"
    ) as found:
        Policy.load(tiny_discrete, "cuda")
    assert found.value.exit_code == 4
    assert capfd.readouterr() == ("", "")


@needs_no_gpu
def test_auto_without_a_gpu_is_the_cpu_and_nothing_to_mention(
    tiny_discrete: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    opened = open_session(read(tiny_discrete), "tiny.onnx", "auto")
    assert (opened.provider, opened.device, opened.note) == ("CPUExecutionProvider", "cpu", None)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_broken_model_is_refused_whatever_the_device(tiny_discrete: Path, device: str) -> None:
    with pytest.raises(InputRefused, match=r"broken\.onnx: .* which nothing before it makes"):
        open_session(broken(tiny_discrete), "broken.onnx", device)


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


@needs_gpu_build
def test_the_applications_own_log_level_is_left_alone(tiny_discrete: Path) -> None:
    """Here it wants silence. Every machine is made to try a GPU."""
    code = """if True:
        import sys
        import onnxruntime
        from lander_runtime.policy import session
        from lander_runtime.graphs.reading import read_model
        model = open(sys.argv[1], "rb").read()
        session._cuda_devices = lambda: 1
        session._SMALL = 0
        onnxruntime.set_default_logger_severity(4)
        session.open_session(read_model(model, "tiny.onnx"), "tiny.onnx", "auto")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # Where CUDA's libraries are missing, the process-wide logger says so, unless it is at this level.
        onnxruntime.InferenceSession(model, options, providers=["CUDAExecutionProvider"])
    """
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tiny_discrete], capture_output=True, timeout=120
    )
    assert (child.returncode, child.stderr) == (0, b"")


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_missing_library_of_cuda_is_named(
    tiny_discrete: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], device: str
) -> None:
    """In ONNX Runtime's words for it, so that it holds whichever libraries and build are installed."""

    def preload_dlls() -> None:
        print("Failed to load libcublasLt.so.13: libcublasLt.so.13: cannot open shared object file")

    monkeypatch.setattr(session, "_cuda_devices", lambda: 1)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload_dlls)
    reason = cuda_refused(tiny_discrete, device)
    assert re.search(r"libcublasLt\.so\.13 cannot be loaded\. .*pip install", reason), reason
    assert capfd.readouterr() == ("", "")


@needs_gpu_build
@needs_no_gpu
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_onnx_runtimes_own_words_for_a_missing_library_are_understood(
    tiny_discrete: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], device: str
) -> None:
    missing = session._missing_libraries()
    if not missing:
        pytest.skip("CUDA's libraries are installed, as they are by a CUDA build of PyTorch")
    monkeypatch.setattr(session, "_cuda_devices", lambda: 1)
    assert f"{missing[0]} cannot be loaded. " in cuda_refused(tiny_discrete, device)
    assert capfd.readouterr() == ("", "")


def cuda_refused(path: Path, device: str) -> str:
    """Why no CUDA session was opened, in the words of the error; `auto` is made to try the tiny policy."""
    if device == "cuda":
        with pytest.raises(MachineLacks, match="--device cpu") as found:
            open_session(read(path), path.name, device)
        return str(found.value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_SMALL", 0)
        opened = open_session(read(path), path.name, device)
    assert opened.device == "cpu"
    assert opened.note is not None
    return opened.note


def test_auto_keeps_a_small_network_on_the_cpu_and_says_so_where_there_is_a_gpu(
    tiny_discrete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_cuda_devices", lambda: 1)
    opened = open_session(read(tiny_discrete), "tiny.onnx", "auto")
    assert (opened.device, opened.note) == ("cpu", session._FASTER_HERE)
    assert "--device cuda" in session._FASTER_HERE


def test_auto_tries_a_gpu_for_a_network_on_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_cuda_devices", lambda: 1)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    opened = open_session(read(DOOM), "doom.onnx", "auto")
    assert opened.device == "cpu"
    assert opened.note is not None
    assert "CUDA was tried and refused" in opened.note


class FailingSession:
    """Stands for a session on a GPU, which fails in ONNX Runtime's own words."""

    def __init__(self, message: str) -> None:
        self._message = message

    def run(self, outputs: Any, feed: Any) -> Any:
        raise RuntimeError(self._message)


OUT_OF_MEMORY = [
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Gemm node. "
    "bfc_arena.cc:376 BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 9",
    "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; hostname=lander ;",
]


@pytest.mark.parametrize("message", OUT_OF_MEMORY)
def test_a_full_gpu_is_what_the_machine_lacks_and_no_fault_of_the_file(message: str) -> None:
    full: Any = FailingSession(message)
    with pytest.raises(MachineLacks, match=r"GPU .* memory to run tiny\.onnx.*--device cpu"):
        OpenSession(full, "tiny.onnx", "CUDAExecutionProvider", None).run(["action"], {})
    with pytest.raises(InputRefused, match=r"tiny\.onnx"):
        OpenSession(full, "tiny.onnx", "CPUExecutionProvider", None).run(["action"], {})


def test_what_fails_over_an_array_fails_as_anywhere(tiny_discrete: Path) -> None:
    opened = open_session(read(tiny_discrete), "tiny.onnx", "cpu")
    with pytest.raises(InputRefused, match=r"tiny\.onnx"):
        opened.bind("action", "obs", np.zeros((3, 7), np.float32))
    full: Any = FailingSession(OUT_OF_MEMORY[0])
    with pytest.raises(MachineLacks, match=r"tiny\.onnx"):
        OpenSession(full, "tiny.onnx", "CUDAExecutionProvider", None).bind("action", "obs", np.zeros(3))


def test_another_fault_on_the_gpu_is_the_files() -> None:
    broken: Any = FailingSession("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions")
    with pytest.raises(InputRefused, match="invalid dimensions"):
        OpenSession(broken, "tiny.onnx", "CUDAExecutionProvider", None).run(["action"], {})


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_cuda_agrees_with_the_cpu(
    tiny_discrete: Path, tiny_continuous: Path, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_SMALL", 0)  # `auto` would keep networks this small on the CPU.
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
def test_a_cuda_graph_gives_the_cpus_actions_for_what_its_batch_holds(tiny_discrete: Path) -> None:
    batch = np.zeros((16, 8), np.float32)
    on_cpu, generator = Policy.load(tiny_discrete, "cpu"), np.random.default_rng(9)
    run = capture_cuda_graph(read(tiny_discrete), "tiny.onnx", "action", "obs", batch, on_cpu.act(batch))
    for _ in range(3):
        batch[:] = generator.standard_normal(batch.shape)
        assert np.array_equal(run(), on_cpu.act(batch))


@needs_no_gpu
def test_a_cuda_graph_without_a_gpu_is_what_the_machine_lacks(tiny_discrete: Path) -> None:
    batch = np.zeros((1, 8), np.float32)
    with pytest.raises(MachineLacks, match="No CUDA session"):
        capture_cuda_graph(read(tiny_discrete), "tiny.onnx", "action", "obs", batch, np.zeros(1, np.int64))


@pytest.mark.gpu
@needs_gpu
def test_a_broken_model_on_the_gpu_is_an_error_not_a_way_round(tiny_discrete: Path) -> None:
    with pytest.raises((MachineLacks, InputRefused)):
        open_session(broken(tiny_discrete), "broken.onnx", "cuda")
