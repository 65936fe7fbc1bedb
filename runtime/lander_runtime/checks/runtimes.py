"""A policy's golden vectors in every runtime that is installed.

Each runs in a process of its own: some bring large libraries, set threads for the whole process, or end it.
They are given bytes that were written from what was read, as ONNX Runtime is.
"""

import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.checks.installed import installed_version
from lander_runtime.checks.outcome import Outcome
from lander_runtime.errors import InputRefused
from lander_runtime.graphs.model import Model
from lander_runtime.policy.contract import output_names
from lander_runtime.policy.policy import Policy
from lander_runtime.text import escaped

_RUNTIMES = {
    "onnxruntime": ("onnxruntime", ("onnxruntime", "onnxruntime-gpu")),
    "openvino f32": ("openvino", ("openvino",)),
    "openvino default": ("openvino", ("openvino",)),
    "onnx reference": ("onnx", ("onnx",)),
    "tract": ("tract", ("tract",)),
    "onnx2torch": ("onnx2torch", ("onnx2torch",)),
}
"""Names of `children.RUNNERS`: the module that each imports, and the packages that may bring it."""

_SECONDS = 120.0

_CHILDREN = Path(__file__).with_name("children.py")


@dataclass(frozen=True)
class RuntimeResult:
    """What one runtime gave for the golden observations."""

    name: str
    version: str | None
    """None where it is not installed."""
    outcome: Outcome
    max_difference: float | None
    """The largest difference from the golden outputs, divided by the scale; None where it did not run."""
    actions_equal: float | None
    """The share of golden observations with the same action; None for continuous ones."""
    found: str
    """In words."""


def run_everywhere(policy: Policy, model: Model) -> list[RuntimeResult]:
    """Run the golden vectors of `policy`, whose `model` was read, in all runtimes."""
    with tempfile.TemporaryDirectory(prefix="lander-verify-") as name:
        folder = Path(name)
        (folder / "policy.onnx").write_bytes(model.to_bytes())
        golden = np.asarray(policy.info.golden.observations, policy.observation.dtype)
        np.save(folder / "observations.npy", golden)
        return [_result(runtime, policy, folder) for runtime in _RUNTIMES]


def _result(runtime: str, policy: Policy, folder: Path) -> RuntimeResult:
    module, packages = _RUNTIMES[runtime]
    if find_spec(module) is None:
        return RuntimeResult(runtime, None, Outcome.NOT_CHECKED, None, None, "not installed")
    here = _version(packages)
    outputs = _outputs(runtime, policy, folder)
    if isinstance(outputs, str):
        return RuntimeResult(runtime, here, Outcome.NOT_CHECKED, None, None, f"cannot run it ({outputs})")
    if set(outputs) != set(output_names(policy.info)):
        return RuntimeResult(runtime, here, Outcome.FAILED, None, None, "an output is missing")
    try:
        worst = policy.golden_difference(lambda observations: outputs)
    except InputRefused as error:
        return RuntimeResult(runtime, here, Outcome.FAILED, None, None, str(error))
    if not math.isfinite(worst):
        return RuntimeResult(
            runtime, here, Outcome.FAILED, None, None, "other shapes, or numbers that are not finite"
        )
    agrees = worst <= policy.golden_tolerance
    said = "agrees" if agrees else f"differs: at most {policy.golden_tolerance:g} is allowed"
    outcome = Outcome.PASSED if agrees else Outcome.FAILED
    return RuntimeResult(runtime, here, outcome, worst, _actions_equal(policy, outputs), said)


def _actions_equal(policy: Policy, outputs: Mapping[str, NDArray[Any]]) -> float | None:
    if policy.action.type == "Box":
        return None
    expected = np.asarray(policy.info.golden.outputs["action"])
    return float(np.mean(np.equal(outputs["action"], expected).reshape(len(expected), -1).all(axis=1)))


def _outputs(runtime: str, policy: Policy, folder: Path) -> Mapping[str, NDArray[Any]] | str:
    """What the runtime gave by name, or in a few words why it gave nothing."""
    target = folder / "outputs.npz"
    target.unlink(missing_ok=True)
    command = [sys.executable, "-P", str(_CHILDREN), runtime, str(folder), *output_names(policy.info)]
    try:
        child = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {_SECONDS:.0f} s"
    if child.returncode != 0 or not target.is_file():
        lines = [line for line in child.stderr.splitlines() if line.strip()]
        return escaped(lines[-1][:160]) if lines else f"its process ended with {child.returncode}"
    with np.load(target, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _version(packages: tuple[str, ...]) -> str:
    found = filter(None, map(installed_version, packages))
    return next(found, "of an unknown version")
