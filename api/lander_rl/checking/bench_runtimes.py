"""The runtimes that `bench` finds here for a policy, each as a function from observations to actions.

Apart from `benching.py`, which measures them and knows none by name.
"""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_runtime.errors import InputRefused, MachineLacks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lander_runtime.graphs.model import Model
    from lander_runtime.policy.policy import Policy

    Array = NDArray[Any]
    Act = Callable[[Array], Array]
    Bind = Callable[[Array], Callable[[], Array]]
    """(observations `[batch, *obs_shape]`) -> a function that gives the actions for what they then hold."""


def find_runtimes(
    policy: "Policy", stack: ExitStack, *, large: bool
) -> "tuple[dict[str, Bind], dict[str, str]]":
    """What is here, ONNX Runtime on the CPU first, and why the rest is not.

    Args:
        policy: open on the CPU.
        stack: closes what the runtimes hold.
        large: as in `Policy.load`.
    """
    found: dict[str, Bind] = {
        "ONNX Runtime CPU": lambda batch: lambda: policy.act(batch),
        "ONNX Runtime CPU, bound": policy.bind,
    }
    missing: dict[str, str] = {}
    others: dict[str, Callable[[], Bind]] = {
        "ONNX Runtime CUDA": lambda: _each_time(_on_cuda(policy, large)),
        "ONNX Runtime CUDA graph": lambda: _captured(policy),
        "PyTorch CPU": lambda: _each_time(_in_torch(policy, stack)),
        "C": lambda: _each_time(_in_c(policy, stack)),
    }
    for name, make in others.items():
        try:
            found[name] = make()
        except MachineLacks as error:
            missing[name] = str(error)
        except InputRefused:
            missing[name] = "not for this policy: its network is no plain multilayer perceptron in float32."
    return found, missing


def _each_time(act: "Act") -> "Bind":
    """For a runtime that prepares nothing for a batch."""
    return lambda batch: lambda: act(batch)


def _on_cuda(policy: "Policy", large: bool) -> "Act":
    from lander_runtime.policy.policy import Policy
    from lander_runtime.policy.session import CudaLacks

    def without_hint(error: CudaLacks) -> MachineLacks:
        # `lander bench` has no --device.
        return MachineLacks(error.found)

    try:
        opened = Policy.from_bytes(policy.content, policy.path, "cuda", large)
    except CudaLacks as error:
        raise without_hint(error) from error

    def act(observations: "Array") -> "Array":
        try:
            return opened.act(observations)
        except CudaLacks as error:
            raise without_hint(error) from error

    return act


def _captured(policy: "Policy") -> "Bind":
    """Each batch in a session of its own: a graph has its addresses and shapes inside."""
    import numpy as np

    from lander_runtime.policy.cuda_graph import capture_cuda_graph

    model = _model(policy)

    def bind(batch: "Array") -> "Callable[[], Array]":
        return capture_cuda_graph(model, policy.path.name, "action", "obs", batch, policy.act(batch))

    # Whether it can be captured at all.
    bind(np.zeros((1, *policy.observation.shape), policy.observation.dtype))
    return bind


def _in_torch(policy: "Policy", stack: ExitStack) -> "Act":
    if find_spec("torch") is None:
        raise MachineLacks("PyTorch is not installed. Type: pip install 'lander-rl[train]'")
    from lander_export.twins.in_torch import torch_twin
    from lander_trainer.threads import cpu_threads

    # As ONNX Runtime is opened here: for small networks more threads only wait for each other.
    stack.enter_context(cpu_threads(1))
    return torch_twin(_material(policy))


def _in_c(policy: "Policy", stack: ExitStack) -> "Act":
    from lander_export.c_header import write_header
    from lander_export.twins.compiled import compiled_twin

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lander-bench-"))
    return compiled_twin(write_header(_material(policy), "policy"), Path(folder))


def _material(policy: "Policy") -> Any:
    from lander_export.c_header import material_of

    return material_of(policy, _model(policy))


def _model(policy: "Policy") -> "Model":
    from lander_runtime.graphs.reading import read_model

    return read_model(policy.content, policy.path.name)
