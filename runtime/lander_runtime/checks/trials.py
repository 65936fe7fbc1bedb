"""Tries one thing in a process of its own: `python trials.py TRIAL [ARGUMENT]`.

What works is said on the last line of stdout; an error ends the process with its text on stderr. It imports
nothing of `lander_runtime`, so that a broken package breaks one trial and not the doctor.
"""

import ctypes
import importlib
import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout


def _provider(argument: str) -> str:
    """Open a session on one provider alone and run it; `argument` is the provider, a space, and a model."""
    import numpy as np
    import onnxruntime

    provider, model = argument.split(" ", 1)
    if provider == "CUDAExecutionProvider":
        # Finds CUDA's libraries in Python packages, and names those that it does not find.
        onnxruntime.preload_dlls()
    session = onnxruntime.InferenceSession(model, providers=[provider], enable_fallback=0)
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"the session runs on {session.get_providers()[0]} instead")
    [output] = map(np.asarray, session.run(None, {"x": np.ones((1, 2), np.float32)}))
    if output.tolist() != [[3.0]]:
        raise RuntimeError(f"1 + 2 is {output.tolist()} there")
    return "opens a session and runs"


def _providers(argument: str) -> str:
    import onnxruntime

    return " ".join(onnxruntime.get_available_providers())


def _driver(argument: str) -> str:
    """How many GPUs the NVIDIA driver has, and the newest CUDA that it knows."""
    driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    count, newest = ctypes.c_int(0), ctypes.c_int(0)
    code = driver.cuInit(0)
    if code != 0:
        raise RuntimeError(f"the NVIDIA driver does not start (code {code})")
    driver.cuDeviceGetCount(ctypes.byref(count))
    driver.cuDriverGetVersion(ctypes.byref(newest))
    return f"{count.value} {newest.value // 1000}.{newest.value % 1000 // 10}"


def _simulator(argument: str) -> str:
    """How many lanes its vectors have."""
    import numpy as np

    # By name: only the trainer knows the simulator, and the doctor only asks whether it works.
    simulator = importlib.import_module("lander_simulator")
    why = simulator.why_unavailable()
    if why is not None:
        raise RuntimeError(why)
    batch = simulator.LunarLanderBatch(16)
    batch.reset(range(16))
    if not np.isfinite(batch.step(np.zeros(16, np.int64)).observations).all():
        raise RuntimeError("its observations are not finite")
    return str(batch.width)


def _learner(argument: str) -> str:
    """How many numbers its vectors have."""
    import numpy as np

    # By name: the trainer is above the runtime, and the doctor only asks whether this part of it works.
    kernels = importlib.import_module("lander_trainer.learners.kernels")
    why = kernels.why_unavailable()
    if why is not None:
        raise RuntimeError(why)
    network = kernels.Network([2, 9, 1], "tanh")
    if not np.isfinite(network.forward(np.ones(37, np.float32), np.ones((3, 2), np.float32))).all():
        raise RuntimeError("its outputs are not finite")
    return str(kernels.widest_vectors())


def _environment(argument: str) -> str:
    import gymnasium

    env = gymnasium.make(argument)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()
    return "starts and steps"


def _module(argument: str) -> str:
    importlib.import_module(argument)
    return "can be imported"


TRIALS: dict[str, Callable[[str], str]] = {
    "provider": _provider,
    "providers": _providers,
    "driver": _driver,
    "simulator": _simulator,
    "learner": _learner,
    "environment": _environment,
    "module": _module,
}


def main(trial: str, argument: str) -> None:
    """Run one trial."""
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            found = TRIALS[trial](argument)
    finally:
        # What packages print is of use where the trial fails.
        sys.stderr.write(said.getvalue())
    sys.stdout.write(found)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
