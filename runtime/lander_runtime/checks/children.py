"""One runtime in a process of its own: `python children.py RUNTIME FOLDER OUTPUT...`.

Reads policy.onnx and observations.npy in the folder and writes outputs.npz, the outputs by name. It imports
nothing of lander, so that the process holds numpy and one runtime.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Outputs = dict[str, NDArray[Any]]
Runner = Callable[[Path, NDArray[Any], Sequence[str]], Outputs]
"""(model, observations `[G, *obs_shape]`, names of its outputs) -> its outputs."""


def _onnxruntime(model: Path, observations: NDArray[Any], names: Sequence[str]) -> Outputs:
    """As an application opens it that sets nothing."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found = map(np.asarray, session.run(list(names), {"obs": observations}))
    return dict(zip(names, found, strict=True))


def _openvino(precision: str | None) -> Runner:
    """Its default on processors with bfloat16 is to compute in that."""

    def run(model: Path, observations: NDArray[Any], names: Sequence[str]) -> Outputs:
        # By name, as the two below: the type checker of a machine without it does not know it.
        openvino = import_module("openvino")
        settings = {} if precision is None else {"INFERENCE_PRECISION_HINT": precision}
        compiled = openvino.compile_model(model, "CPU", settings)
        found = compiled({"obs": observations})
        return {name: np.array(found[name]) for name in names}

    return run


def _onnx(model: Path, observations: NDArray[Any], names: Sequence[str]) -> Outputs:
    import onnx
    from onnx.reference import ReferenceEvaluator

    loaded = onnx.load(model)
    quantised = any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in loaded.graph.node)
    if quantised and 13 <= loaded.opset_import[0].version < 19:
        # Of these two operators it has no older version, and 19 only added types of numbers.
        loaded.opset_import[0].version = 19
    found = ReferenceEvaluator(loaded).run(list(names), {"obs": observations})
    return dict(zip(names, map(np.asarray, found), strict=True))


def _tract(model: Path, observations: NDArray[Any], names: Sequence[str]) -> Outputs:
    tract = import_module("tract")
    loaded = tract.onnx().load(str(model))
    kinds = {"float32": "f32", "float64": "f64", "float16": "f16", "uint8": "u8", "int64": "i64"}
    kind = kinds.get(str(observations.dtype), str(observations.dtype).replace("int", "i"))
    loaded.set_input_fact(0, ",".join([*map(str, observations.shape), kind]))
    found = loaded.into_model().into_runnable().run([observations])
    return {name: values.to_numpy() for name, values in zip(names, found, strict=True)}


def _onnx2torch(model: Path, observations: NDArray[Any], names: Sequence[str]) -> Outputs:
    onnx2torch = import_module("onnx2torch")
    module = onnx2torch.convert(str(model))
    # It has imported PyTorch, which the runtime itself never does.
    torch = sys.modules["torch"]
    with torch.inference_mode():
        found = module(torch.from_numpy(observations))
    return {name: values.numpy() for name, values in zip(names, found, strict=True)}


RUNNERS: dict[str, Runner] = {
    "onnxruntime": _onnxruntime,
    "openvino f32": _openvino("f32"),
    "openvino default": _openvino(None),
    "onnx reference": _onnx,
    "tract": _tract,
    "onnx2torch": _onnx2torch,
}


def main(runtime: str, folder: Path, names: Sequence[str]) -> None:
    """Run one runtime."""
    observations = np.load(folder / "observations.npy", allow_pickle=False)
    outputs = RUNNERS[runtime](folder / "policy.onnx", observations, names)
    np.savez(folder / "outputs.npz", allow_pickle=False, **outputs)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
