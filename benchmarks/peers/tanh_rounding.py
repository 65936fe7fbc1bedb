"""How far ONNX Runtime's tanh in single precision is from the true one, beside PyTorch's.

    python benchmarks/peers/tanh_rounding.py

`in_double` writes another graph of the same policy, with each tanh in double precision: what then is left of
a difference is not tanh's. zip_rounding.py uses it.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper


def in_double(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with each Tanh between casts to double precision and back."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.graph.node[:]
    for node in model.graph.node:
        changed.graph.node.extend(_steps(node) if node.op_type == "Tanh" else [node])
    return changed


def _steps(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    [given], [made] = node.input, node.output
    names = [given, f"{made} wide", f"{made} squashed", made]
    settings: list[tuple[str, dict[str, Any]]] = [
        ("Cast", {"to": TensorProto.DOUBLE}),
        ("Tanh", {}),
        ("Cast", {"to": TensorProto.FLOAT}),
    ]
    return [
        helper.make_node(operator, [names[place]], [names[place + 1]], **more)
        for place, (operator, more) in enumerate(settings)
    ]


def alone() -> onnx.ModelProto:
    """A graph of one Tanh, from x to y."""
    value = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy"}
    graph = helper.make_graph([helper.make_node("Tanh", ["x"], ["y"])], "g", [value["x"]], [value["y"]])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def main() -> None:
    """Print the largest differences from double precision over two million numbers."""
    numbers = np.linspace(-6.0, 6.0, 2_000_001).astype(np.float32)
    true, bit = np.tanh(numbers.astype(np.float64)), float(np.spacing(np.float32(1.0)))
    graphs = {"": alone(), ", in double precision": in_double(alone())}
    found = {f"PyTorch {torch.__version__}": torch.tanh(torch.from_numpy(numbers)).numpy()}
    for more, model in graphs.items():
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        found[f"ONNX Runtime {onnxruntime.__version__}{more}"] = session.run(["y"], {"x": numbers})[0]
    for name, values in found.items():
        difference = np.abs(values - true).max()
        print(f"{name:42} {difference:.2e}, {difference / bit:.2f} last bits of a float32 at 1")


if __name__ == "__main__":
    main()
