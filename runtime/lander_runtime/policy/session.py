"""One ONNX Runtime session for a small policy, on the requested device.

The only use of ONNX Runtime, with `cuda_graph.py`: it takes a `Model` and no bytes, so only what was read and
checked runs. Apart from `policy.py` because choosing a device takes more code than using it.
"""

import contextlib
import ctypes
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused, LanderError, MachineLacks, UsageError
from lander_runtime.graphs.bounds.bounding import USUAL, Limits, Shapes, check_bounds, declared_shapes
from lander_runtime.graphs.model import Model
from lander_runtime.graphs.structure import check_structure
from lander_runtime.policy.too_new import too_new
from lander_runtime.text import first_line

try:
    import onnxruntime as ort
except ModuleNotFoundError as error:
    raise MachineLacks(
        "ONNX Runtime is not installed. Type: pip install 'lander-rl[cpu]' "
        "(or 'lander-rl[cuda]' with an NVIDIA GPU, never both)."
    ) from error

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_SMALL = 5_000_000
"""Products that a batch of 32 takes: a millisecond on one core. A call on a GPU takes up to as long before it
computes anything, and in lockstep with environments there is one call a step. Public measurements say that a
GPU overtakes one core near a batch of 1,000 for the lander's network; it was not measured here."""
_FASTER_HERE = (
    "The CPU acts, since a GPU would take longer to be asked than this small network to be computed. "
    "To run it there: --device cuda"
)
_SILENT = 4
"""ONNX Runtime's log level for fatal errors only."""


@dataclass(frozen=True)
class OpenSession:
    """A session and the device that it really runs on."""

    session: ort.InferenceSession
    name: str
    """The name of the model in errors."""
    provider: str
    """ONNX Runtime's name of what runs, such as `CPUExecutionProvider`."""
    note: str | None
    """Why `auto` did not use the machine's GPU; None if there is nothing to say."""

    def run(self, outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The named outputs for inputs by name.

        Raises:
            InputRefused: the graph fails on this input.
            MachineLacks: the GPU has too little free memory.
        """
        try:
            # All inputs and outputs of a policy are dense arrays, which the stubs cannot know. The type in
            # quotes, because building it would take a third of the run of a small network.
            return cast("list[NDArray[Any]]", self.session.run(outputs, feed))
        except Exception as error:  # ONNX Runtime's exception classes share no base but Exception.
            raise self._failure(error) from error

    def bind(self, output: str, name: str, values: NDArray[Any]) -> Callable[[], NDArray[Any]]:
        """A function without arguments: returns `output`, a new array, for what `values` then holds.

        On the CPU both are bound to their memory once, and not at every call as in `run`. For a small
        network that saves a third of the time.

        Args:
            output: the name of the output.
            name: the name of the only input.
            values: C-contiguous; the caller refills it in place.

        Raises:
            The errors of `run`, here and at each call.
        """
        (found,) = self.run([output], {name: values})
        if self.provider == _CUDA:
            return lambda: self.run([output], {name: values})[0]
        found = np.ascontiguousarray(found)
        binding = self.session.io_binding()
        binding.bind_cpu_input(name, values)
        binding.bind_output(output, "cpu", 0, found.dtype, found.shape, found.ctypes.data)

        def run() -> NDArray[Any]:
            try:
                self.session.run_with_iobinding(binding)
            except Exception as error:  # As in `run`.
                raise self._failure(error) from error
            return found.copy()

        return run

    def _failure(self, error: Exception) -> LanderError:
        # A policy that needs more memory than a CPU has is hostile, so there the file is refused.
        if self.provider == _CUDA and _says_out_of_memory(error):
            found = f"The GPU has not enough free memory to run {self.name}."
            return CudaLacks(found, "End what else runs on it, or run with: --device cpu")
        return InputRefused(f"{self.name}: ONNX Runtime cannot run it ({first_line(error, 300)}).")

    @property
    def device(self) -> str:
        return "cuda" if self.provider == _CUDA else "cpu"


def open_session(
    model: Model,
    name: str,
    device: str = "auto",
    *,
    shapes: Sequence[Shapes] | None = None,
    limits: Limits = USUAL,
) -> OpenSession:
    """Check a model and open a session with bytes that are written from it.

    Args:
        model: from `read_model`.
        name: the name of the file in errors.
        device: `cpu`; `cuda`, which fails where CUDA does not run the whole graph; or `auto`, which takes
            CUDA for a network that is not small, where a session really runs there, and the CPU otherwise.
        shapes: of the inputs, in all the ways in which it will be run; by default as the model declares
            them, with a batch of up to 32.
        limits: what it may take.

    Raises:
        InputRefused: the model holds something that no policy may, would take more than a policy does, or
            ONNX Runtime cannot load it.
        MachineLacks: `cuda` was requested and does not run here.
        UsageError: an unknown device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"Unknown device {device!r}. Choose auto, cpu or cuda.")
    check_structure(model, name)
    work = check_bounds(model, name, declared_shapes(model.graph) if shapes is None else shapes, limits)
    written = model.to_bytes()
    try:
        if device == "auto" and work < _SMALL:
            return OpenSession(
                _open_cpu(written, name), name, _CPU, _FASTER_HERE if _cuda_devices() else None
            )
        return _opened(written, name, device)
    except LanderError as refusal:
        reason = too_new(_said_by_runtime(refusal), model, f"onnxruntime {ort.__version__}")
        if reason is None:
            raise
        raise InputRefused(f"{name}: {reason}") from refusal


def _opened(written: bytes, name: str, device: str) -> OpenSession:
    if device == "cpu":
        return OpenSession(_open_cpu(written, name), name, _CPU, None)
    try:
        return OpenSession(open_cuda(written), name, _CUDA, None)
    except NoCuda as reason:
        if device == "cuda":
            raise CudaLacks(f"No CUDA session for {name}: {reason}", "Or run with: --device cpu") from reason
        note = None if reason.expected else f"CUDA was tried and refused: {reason}"
        return OpenSession(_open_cpu(written, name), name, _CPU, note)


class CudaLacks(MachineLacks):
    """CUDA was asked for, and this policy does not run on it here."""

    def __init__(self, found: str, hint: str) -> None:
        super().__init__(f"{found} {hint}")
        self.found = found
        """The message without its hint, for callers that have no other device to choose."""


class NoCuda(Exception):
    """CUDA cannot run this. `expected` if the machine has no GPU."""

    def __init__(self, reason: str, *, expected: bool) -> None:
        super().__init__(reason)
        self.expected = expected


_INSTALL_CUDA = "If CUDA's libraries are missing, type: pip install 'lander-rl[cuda]'."


def _options() -> ort.SessionOptions:
    # For networks of a few thousand weights, waking a second thread costs more than the product,
    # and an idle thread that spins takes the core from the environment.
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Never ONNX Runtime's own binary format, which the checks of a model do not cover.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # ONNX Runtime would look for external weights in the working directory, where a stranger's model must
    # not read. In this folder no file can be.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    return options


def _open_cpu(model: bytes, name: str) -> ort.InferenceSession:
    options = _options()
    options.log_severity_level = _SILENT
    try:
        return ort.InferenceSession(model, options, providers=[_CPU], enable_fallback=0)
    except Exception as error:  # ONNX Runtime's exception classes share no base but Exception.
        raise InputRefused(f"{name}: ONNX Runtime cannot load it ({first_line(error, 300)}).") from error


def open_cuda(model: bytes, more: Mapping[str, str] | None = None) -> ort.InferenceSession:
    """A session on CUDA alone, with `more` options of its provider; raises `NoCuda`."""
    if _cuda_devices() == 0:
        raise NoCuda("this machine has no NVIDIA GPU with a working driver.", expected=True)
    if _CUDA not in ort.get_available_providers():
        raise NoCuda(
            "the installed onnxruntime is the CPU build. Type: "
            "pip uninstall onnxruntime && pip install 'lander-rl[cuda]'.",
            expected=False,
        )
    missing = _missing_libraries()
    if missing:
        raise NoCuda(f"{missing[0]} cannot be loaded. {_INSTALL_CUDA}", expected=False)
    options = _options()
    options.log_severity_level = _SILENT
    # Without this, operators that CUDA lacks would run on the CPU under CUDA's name.
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        # TF32 keeps 10 bits of a product's mantissa: not enough for logits that agree to 1e-5.
        # Its own fallback would print, and run on the CPU in CUDA's place.
        providers = [(_CUDA, {"use_tf32": "0", **(more or {})})]
        session = ort.InferenceSession(model, options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's exception classes share no base but Exception.
        advice = "The GPU has not enough free memory." if _says_out_of_memory(error) else _INSTALL_CUDA
        raise NoCuda(f"ONNX Runtime says {first_line(error, 300)}. {advice}", expected=False) from error
    if session.get_providers()[0] != _CUDA:
        raise NoCuda(f"the session reports {session.get_providers()}.", expected=False)
    return session


def _missing_libraries() -> list[str]:
    """Load the libraries of CUDA that ONNX Runtime needs; returns the names of the missing ones.

    This comes before the session, because a session without them writes to the process-wide logger. That
    logger belongs to the application: its level can be set but not read, so it cannot be restored.
    """
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(Exception):
        ort.preload_dlls()
    # A name with a path is one broken file; the system may have another one. And some versions of ONNX
    # Runtime need only these of the libraries that it tries.
    return re.findall(
        r"^Failed to load ((?:lib)?(?:cublas|cudart|curand)[^/\\:]*): ", said.getvalue(), re.MULTILINE
    )


def _said_by_runtime(error: BaseException) -> str:
    """The whole message at the root of an error; ours has its first line only."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)


def _says_out_of_memory(error: Exception) -> bool:
    """Whether `error` has ONNX Runtime's words for its own limit, or CUDA's."""
    return bool(re.search("Failed to allocate memory|out of memory", str(error)))


def _cuda_devices() -> int:
    """How many GPUs the NVIDIA driver offers; 0 without a driver. It is quick and logs nothing."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
        return count.value
    except (OSError, AttributeError):
        return 0
