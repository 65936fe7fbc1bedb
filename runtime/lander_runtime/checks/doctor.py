"""`examine`: what is installed on this machine, and whether it works. It tries, and never guesses.

Each thing is tried in a process of its own, because a broken library may end the process that loads it. What
is not installed is no fault: only what is there and does not work is.
"""

import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lander_runtime.checks.installed import (
    RUNTIME_PACKAGES,
    cuda_of_onnxruntime,
    cuda_of_torch,
    extras,
    installed_version,
)
from lander_runtime.checks.outcome import Check, failed, not_checked, passed
from lander_runtime.graphs.model import Graph, Model, Node, Tensor, TensorType, Value
from lander_runtime.text import counted, escaped
from lander_runtime.versions import platform_name

_TRIALS = Path(__file__).with_name("trials.py")
_SECONDS = 120.0

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

_INSTALL_RUNTIME = "pip install 'lander-rl[cpu]'"
_ONE_RUNTIME = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'lander-rl[{extra}]'"
_GPU_BUILD = "pip uninstall -y onnxruntime && pip install 'lander-rl[cuda]'"
_CUDA_LIBRARIES = "pip install 'lander-rl[cuda]'"

_MISSING = re.compile(r"\b(lib[\w.+-]+\.so[.\d]*): cannot open shared object")
"""What Linux says of a library that it does not find."""

_INSTRUCTIONS = {"8": "AVX2, 8 {} in a vector", "4": "4 {} in a vector (SSE2 or NEON)"}
"""By the width of the vectors."""

_UNLISTED_EXTRAS = frozenset({"cpu", "gpu", "cuda", "dev", "docs", "bench"})
"""The first three have checks of their own; the others are for working on lander itself."""

_MODULES = {"pillow": "PIL"}
"""Of packages whose module has another name than theirs with underscores."""


@dataclass(frozen=True)
class Answer:
    """How a trial ended."""

    works: bool
    said: str
    """What it found; of one that failed the last line of its error."""
    missing: tuple[str, ...] = ()
    """Shared libraries that were not found, by name."""


def examine() -> list[Check]:
    """Look at Python, ONNX Runtime and its providers, the compiled code, the environments and each extra."""
    checks = [_python(), _runtime_package()]
    if any(map(installed_version, RUNTIME_PACKAGES)):
        checks += _providers()
    checks.append(_cuda_majors())
    checks += [
        _compiled("simulator", "lanes", "python -m lander_simulator.build"),
        _compiled("learner", "numbers", "python -m lander_trainer.learners.kernels.build"),
        *_extras(),
    ]
    return checks


def _python() -> Check:
    own = installed_version("lander-rl") or "from its sources"
    return passed("python", f"{platform.python_version()}, {platform_name()}, lander-rl {own}")


def _runtime_package() -> Check:
    """ONNX Runtime must be there once: its two packages own the same files."""
    found = {name: here for name in RUNTIME_PACKAGES if (here := installed_version(name)) is not None}
    if not found:
        return not_checked("onnxruntime", "not installed; a policy needs it", _INSTALL_RUNTIME)
    said = " and ".join(f"{name} {here}" for name, here in found.items())
    if len(found) > 1:
        extra = "cuda" if _driver().devices else "cpu"
        why = f"{said}: both at once, and each overwrites the other's files"
        return failed("onnxruntime", why, _ONE_RUNTIME.format(extra=extra))
    answer = _try("module", "onnxruntime")
    if not answer.works:
        return failed(
            "onnxruntime", f"{said}: {answer.said}", f"pip install --force-reinstall {next(iter(found))}"
        )
    return passed("onnxruntime", said)


def _providers() -> list[Check]:
    """Each provider that this build of ONNX Runtime has, with a session of its own."""
    listed = _try("providers")
    if not listed.works:
        return []
    driver, names = _driver(), sorted(listed.said.split())
    with tempfile.TemporaryDirectory(prefix="lander-doctor-") as folder:
        model = Path(folder) / "sum.onnx"
        model.write_bytes(_sum_model())
        checks = [_provider(name, _try("provider", f"{name} {model}"), driver) for name in names]
    if driver.devices and _CUDA not in names:
        checks.append(not_checked("CUDA", f"{driver}; this ONNX Runtime is a build for the CPU", _GPU_BUILD))
    return checks


@dataclass(frozen=True)
class _Driver:
    """NVIDIA's driver."""

    devices: int
    """GPUs that it has; 0 too where there is no driver."""
    newest: str
    """The newest CUDA that it knows, such as `13.0`."""

    def __str__(self) -> str:
        return f"{counted(self.devices, 'NVIDIA GPU')}, a driver for CUDA up to {self.newest}"


def _driver() -> _Driver:
    answer = _try("driver")
    devices, newest = answer.said.split() if answer.works else ("0", "")
    return _Driver(int(devices), newest)


def _provider(name: str, answer: Answer, driver: _Driver) -> Check:
    title = name.removesuffix("ExecutionProvider")
    if name == _CUDA:
        return _cuda(answer, driver)
    if answer.works:
        return passed(title, answer.said)
    if name == _CPU:
        return failed(title, _why(answer), "pip install --force-reinstall onnxruntime")
    # Most need something that no package brings.
    return not_checked(title, f"lander does not use it ({_why(answer)})")


def _cuda(answer: Answer, driver: _Driver) -> Check:
    if not driver.devices:
        return not_checked("CUDA", "this machine has no NVIDIA GPU with a working driver")
    if answer.works:
        return passed("CUDA", f"{driver}; {answer.said}")
    built = cuda_of_onnxruntime()
    if built is not None and _major(built) > _major(driver.newest):
        return failed("CUDA", f"{driver}, and this ONNX Runtime is built for {built}: update NVIDIA's driver")
    return failed("CUDA", f"{driver}; {_why(answer)}", _CUDA_LIBRARIES)


def _major(version: str) -> int:
    return int(version.split(".")[0])


def _why(answer: Answer) -> str:
    return f"missing: {', '.join(answer.missing)}" if answer.missing else answer.said


def _cuda_majors() -> Check:
    """Whether PyTorch and ONNX Runtime can share CUDA's libraries: those of one major version."""
    found = {"PyTorch": cuda_of_torch(), "ONNX Runtime": cuda_of_onnxruntime()}
    built = {name: cuda for name, cuda in found.items() if cuda is not None}
    if not built:
        return not_checked("CUDA versions", "neither PyTorch nor ONNX Runtime is a build for CUDA here")
    said = ", ".join(f"{name} for {cuda}" for name, cuda in built.items())
    if len(set(map(_major, built.values()))) > 1:
        return passed("CUDA versions", f"{said}: each needs libraries of its own")
    return passed("CUDA versions", said)


def _compiled(trial: str, units: str, build: str) -> Check:
    """Whether compiled code works, and how many `units` its vectors have; `build` is the command to type."""
    answer = _try(trial)
    if answer.works:
        return passed(trial, _INSTRUCTIONS.get(answer.said, f"{answer.said} {{}} in a vector").format(units))
    absent = "not compiled" in answer.said or "No module named" in answer.said
    # The rest of its sentence is the advice.
    said = answer.said.partition(":")[0] if absent else answer.said
    return (not_checked if absent else failed)(trial, said, build)


def _extras() -> list[Check]:
    """For each extra of lander: which of its packages are there, and whether they work."""
    wanted = {name: packages for name, packages in extras().items() if name not in _UNLISTED_EXTRAS}
    # Several extras share packages: each is tried once.
    tried = {
        package: _works(package)
        for package in dict.fromkeys(name for packages in wanted.values() for name in packages)
        if installed_version(package) is not None
    }
    return [_extra(name, packages, tried) for name, packages in wanted.items()]


def _extra(extra: str, packages: list[str], tried: Mapping[str, Answer]) -> Check:
    title = f"extra {extra}"
    for name in packages:
        if name in tried and not tried[name].works:
            said = f"{name} {installed_version(name)}: {_why(tried[name])}"
            return failed(title, said, f"pip install --force-reinstall {name}")
    missing = [name for name in packages if name not in tried]
    if missing:
        return not_checked(title, f"not installed: {', '.join(missing)}", f"pip install 'lander-rl[{extra}]'")
    return passed(title, ", ".join(f"{name} {installed_version(name)}" for name in packages))


def _works(package: str) -> Answer:
    if package == "gymnasium":
        return _try("environment", "LunarLander-v3")
    return _try("module", _MODULES.get(package, package.replace("-", "_")))


def _try(trial: str, argument: str = "") -> Answer:
    """Run a trial of `trials.py`."""
    command = [sys.executable, "-P", str(_TRIALS), trial, argument]
    try:
        child = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return Answer(False, f"no answer in {_SECONDS:.0f} s")
    if child.returncode == 0:
        return Answer(True, escaped(child.stdout))
    lines = [line for line in child.stderr.splitlines() if line.strip()]
    # Its own error is the last line; "RuntimeError: " says nothing to a user.
    said = (
        lines[-1].removeprefix("RuntimeError: ")[:200]
        if lines
        else f"its process ended with {child.returncode}"
    )
    return Answer(False, escaped(said), tuple(dict.fromkeys(_MISSING.findall(child.stderr))))


def _sum_model() -> bytes:
    """The sum of two numbers plus 1: all operators that the doctor needs a provider for."""
    weight = Tensor("w", 1, (2, 1), np.ones((2, 1), np.float32).tobytes())
    bias = Tensor("b", 1, (1,), np.ones(1, np.float32).tobytes())
    graph = Graph(
        "sum",
        (Node("Gemm", ("x", "w", "b"), ("y",)),),
        (weight, bias),
        (Value("x", TensorType(1, (1, 2))),),
        (Value("y", TensorType(1, (1, 1))),),
    )
    return Model(graph, 8, 18).to_bytes()
