"""The doctor: what it says of machines of other kinds, and what it really finds on this one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lander_runtime.checks import doctor
from lander_runtime.checks.doctor import Answer
from lander_runtime.checks.installed import cuda_of_onnxruntime, cuda_of_torch, extras, installed_version
from lander_runtime.checks.outcome import Check

OK = Answer(True, "opens a session and runs")

Machine = Callable[..., dict[str, Check]]
"""(versions=installed packages, answers=by trial, or trial and argument, cuda=of ONNX Runtime and PyTorch,
extras=) -> the checks by name."""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    def examine(
        versions: dict[str, str] | None = None,
        answers: dict[str, Answer] | None = None,
        cuda: tuple[str | None, str | None] = (None, None),
        packages: dict[str, list[str]] | None = None,
    ) -> dict[str, Check]:
        given = {
            "providers": Answer(True, "CPUExecutionProvider"),
            "driver": Answer(False, "libcuda.so.1: cannot open shared object file"),
            "simulator": Answer(True, "8"),
            "learner": Answer(True, "4"),
        } | (answers or {})
        here = {"onnxruntime": "1.31.1"} if versions is None else versions

        def trial(name: str, argument: str = "") -> Answer:
            first = argument.split(" ")[0]
            return given.get(f"{name} {first}", given.get(name, OK))

        monkeypatch.setattr(doctor, "_try", trial)
        monkeypatch.setattr(doctor, "installed_version", here.get)
        monkeypatch.setattr(doctor, "extras", lambda: packages or {})
        monkeypatch.setattr(doctor, "cuda_of_onnxruntime", lambda: cuda[0])
        monkeypatch.setattr(doctor, "cuda_of_torch", lambda: cuda[1])
        return {check.name: check for check in doctor.examine()}

    return examine


GPU = {
    "providers": Answer(True, "CUDAExecutionProvider CPUExecutionProvider"),
    "driver": Answer(True, "1 13.0"),
}
CUDA = "provider CUDAExecutionProvider"


def test_a_machine_on_which_all_is_well(machine: Machine) -> None:
    found = machine()
    assert found["onnxruntime"].found == "onnxruntime 1.31.1"
    assert found["CPU"].outcome == "passed"
    assert found["simulator"].found == "AVX2, 8 lanes in a vector"
    assert found["learner"].found == "4 numbers in a vector (SSE2 or NEON)"
    assert not [check for check in found.values() if check.outcome == "failed"]


def test_both_runtime_packages_at_once(machine: Machine) -> None:
    both = {"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.30.0"}
    check = machine(both)["onnxruntime"]
    assert check.outcome == "failed"
    assert "onnxruntime 1.31.1 and onnxruntime-gpu 1.30.0: both at once" in check.found
    assert check.advice == "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'lander-rl[cpu]'"
    assert machine(both, GPU)["onnxruntime"].advice.endswith("'lander-rl[cuda]'")


def test_neither_runtime_package(machine: Machine) -> None:
    found = machine({})
    assert (found["onnxruntime"].outcome, found["onnxruntime"].advice) == (
        "not checked", "pip install 'lander-rl[cpu]'",
    )  # fmt: skip
    assert "CPU" not in found


def test_a_runtime_that_cannot_be_imported(machine: Machine) -> None:
    broken = Answer(False, "ImportError: no module named onnxruntime.capi")
    found = machine(answers={"module onnxruntime": broken})["onnxruntime"]
    assert found.outcome == "failed"
    assert found.advice == "pip install --force-reinstall onnxruntime"


class TestCuda:
    def test_it_opens_a_session(self, machine: Machine) -> None:
        check = machine(answers=GPU)["CUDA"]
        assert check.outcome == "passed"
        assert check.found == "1 NVIDIA GPU, a driver for CUDA up to 13.0; opens a session and runs"

    def test_a_missing_library_is_named(self, machine: Machine) -> None:
        missing = Answer(False, "an error", ("libcublasLt.so.13", "libcudnn.so.9"))
        check = machine(answers={**GPU, CUDA: missing}, cuda=("13.0", None))["CUDA"]
        assert check.outcome == "failed"
        assert "missing: libcublasLt.so.13, libcudnn.so.9" in check.found
        assert check.advice == "pip install 'lander-rl[cuda]'"

    def test_an_old_driver(self, machine: Machine) -> None:
        answers = {**GPU, "driver": Answer(True, "2 12.4"), CUDA: Answer(False, "no")}
        check = machine(answers=answers, cuda=("13.0", None))["CUDA"]
        assert check.outcome == "failed"
        assert "update NVIDIA's driver" in check.found
        assert check.advice == ""

    def test_without_a_gpu_nothing_is_wrong(self, machine: Machine) -> None:
        answers = {**GPU, "driver": Answer(True, "0 13.0"), CUDA: Answer(False, "no")}
        assert machine(answers=answers)["CUDA"].outcome == "not checked"

    def test_the_cpu_build_beside_a_gpu(self, machine: Machine) -> None:
        check = machine(answers={"driver": Answer(True, "1 13.0")})["CUDA"]
        assert check.outcome == "not checked"
        assert check.advice == "pip uninstall -y onnxruntime && pip install 'lander-rl[cuda]'"

    def test_majors_of_pytorch_and_onnx_runtime(self, machine: Machine) -> None:
        check = machine(cuda=("13.0", "12.8"))["CUDA versions"]
        assert check.found == "PyTorch for 12.8, ONNX Runtime for 13.0: each needs libraries of its own"
        assert "of its own" not in machine(cuda=("13.0", "13.1"))["CUDA versions"].found
        assert machine()["CUDA versions"].outcome == "not checked"


def test_other_providers_are_no_fault(machine: Machine) -> None:
    answers = {
        "providers": Answer(True, "TensorrtExecutionProvider CPUExecutionProvider"),
        "provider TensorrtExecutionProvider": Answer(False, "an error", ("libnvinfer.so.10",)),
    }
    check = machine(answers=answers)["Tensorrt"]
    assert (check.outcome, check.found) == (
        "not checked", "lander does not use it (missing: libnvinfer.so.10)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trial", "build"),
    [
        ("simulator", "python -m lander_simulator.build"),
        ("learner", "python -m lander_trainer.learners.kernels.build"),
    ],
)
@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("the simulator is not compiled (x.so is missing): `python -m ...` compiles it", "not checked"),
        ("the learner is not compiled: lander's C++ is not made for Plan 9 on mips", "not checked"),
        ("ModuleNotFoundError: No module named 'lander_simulator'", "not checked"),
        ("the simulator's library does not load here: bad magic", "failed"),
        ("its process ended with -4", "failed"),
    ],
)
def test_compiled_code_is_missing_or_broken(
    machine: Machine, trial: str, build: str, said: str, outcome: str
) -> None:
    check = machine(answers={trial: Answer(False, said)})[trial]
    assert check.outcome == outcome
    assert check.advice == build
    assert "`" not in check.found


def test_extras_are_there_in_part_or_broken(machine: Machine) -> None:
    found = machine(
        {"onnxruntime": "1.31.1", "gymnasium": "1.4.0", "pillow": "13.0.0", "torch": "2.13.0"},
        {"module torch": Answer(False, "ImportError", ("libtorch_cpu.so",))},
        packages={
            "eval": ["gymnasium", "pillow"], "doom": ["gymnasium", "vizdoom"], "train": ["torch"],
            "dev": ["ruff"],
        },
    )  # fmt: skip
    assert found["extra eval"].found == "gymnasium 1.4.0, pillow 13.0.0"
    assert (found["extra doom"].outcome, found["extra doom"].found) == (
        "not checked",
        "not installed: vizdoom",
    )
    assert found["extra doom"].advice == "pip install 'lander-rl[doom]'"
    assert found["extra train"].found == "torch 2.13.0: missing: libtorch_cpu.so"
    assert found["extra train"].outcome == "failed"
    assert "extra dev" not in found


class TestHere:
    """Real trials, a process each."""

    def test_the_cpu_provider_runs(self, tmp_path: Path) -> None:
        model = tmp_path / "sum.onnx"
        model.write_bytes(doctor._sum_model())
        assert doctor._try("provider", f"CPUExecutionProvider {model}") == OK

    def test_a_provider_that_falls_back_does_not_work(self, tmp_path: Path) -> None:
        """ONNX Runtime opens a session on the CPU where CUDA's libraries are missing."""
        model = tmp_path / "sum.onnx"
        model.write_bytes(doctor._sum_model())
        if doctor._driver().devices or "CUDA" not in doctor._try("providers").said:
            pytest.skip("CUDA may work here, or this build of ONNX Runtime does not have it")
        answer = doctor._try("provider", f"CUDAExecutionProvider {model}")
        assert not answer.works
        assert any(name.startswith("libcu") for name in answer.missing) or "instead" in answer.said

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("raise OSError('libfoo.so.1: cannot open shared object file')", "libfoo.so.1"),
            ("import os; os.kill(os.getpid(), 11)", "its process ended with -11"),
            ("print('\\x1b[2J'); raise ValueError('\\x07 bell')", "\\x07 bell"),
        ],
    )
    def test_a_broken_package_does_not_break_the_doctor(
        self, code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "broken_package.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        answer = doctor._try("module", "broken_package")
        assert not answer.works
        assert said in answer.said
        assert answer.said.isprintable()
        assert answer.missing == (("libfoo.so.1",) if "libfoo" in code else ())

    def test_the_learner_computes_or_is_not_compiled(self) -> None:
        answer = doctor._try("learner")
        assert answer.said in {"4", "8"} if answer.works else "not compiled" in answer.said

    def test_what_is_installed_is_read_from_metadata(self) -> None:
        found = extras()
        assert "torch" in found["train"]
        assert "gymnasium" in found["eval"]
        assert found["cpu"] == ["onnxruntime"]
        assert installed_version("no-such-package") is None
        assert installed_version("numpy")

    def test_cuda_of_torch_is_what_torch_says(self) -> None:
        torch = pytest.importorskip("torch")
        assert cuda_of_torch() == torch.version.cuda
        found = cuda_of_onnxruntime()
        assert found is None or found.split(".")[0].isdigit()
