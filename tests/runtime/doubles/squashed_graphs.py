"""Graphs by their names: with continuous actions that are squashed, scaled to bounds of -2 to 2, or open."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


CONSTANTS = {
    "one": np.float32(1), "two": np.float32(2), "minus": np.float32(-1), "half": np.float32(0.5),
    "small": np.float32(1e-6), "low": np.float32([-2]), "high": np.float32([2]), "four": np.float32(4),
    "limit": np.float32(1.5), "shape": np.int64([-1, 1]), "most": np.float32(0.999),
    "least": np.float32(-0.999),
    "first": np.int64([0]), "second": np.int64([1]), "halves": np.int64([1, 1]), "nothing": np.int64([0] * 4),
    "third": np.int64(1), "back": np.int64([-1]), "before": np.int64([-9]),
    "three": np.float32(3), "wide": np.float32([[2]]), "minus3": np.float32(-3), "minus2": np.float32(-2),
    "unit": np.float32([[1]]), "turn": np.float32([[2, 1], [1, 1]]), "back2": np.float32([[1, -1], [-1, 2]]),
    "two_by_one": np.float32([[2]]), "half_of": np.float32([0.5]), "kernel": np.float32([[[1]]]),
    "one1": np.float32([1]), "minus1": np.float32([-1]), "nought": np.int64([0]),
    "bins": np.float32([[-1], [0.2], [0.5], [1]]),
    "cell": np.float32([[[1], [2], [3]]]), "last": np.int64([2]), "third1": np.int64([1]),
    "pick": np.float32([[1], [0]]),
    "pick2": np.float32([[0], [1]]), "mean": np.float32([[0.5], [0.5]]),
    "ones": np.float32([1]), "twos": np.float32([2]), "noughts": np.float32([0]),
    "hidden": np.float32([[1, -1, 0.5, 2], [0, 1, 1, -1], [0.1, 0.2, -0.3, 0.1]]),
    "spread": np.float32([[0.7], [-0.9], [1.1], [0.6]]), "narrow": np.float32([[0.2], [-0.1], [0.3], [0.1]]),
}  # fmt: skip


def model(nodes: list[onnx.NodeProto], size: int = 3, actions: int = 1) -> onnx.ModelProto:
    """From `obs` by a linear layer to `x`, by `nodes` to `a`, `[batch, actions]`."""
    weights = np.random.default_rng(3).standard_normal((size, actions)).astype(np.float32)
    graph = helper.make_graph(
        [node("MatMul", "obs weights", "x"), *nodes],
        "stranger",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["batch", size])],
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, ["batch", actions])],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in {"weights": weights, **CONSTANTS}.items()
        ],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


TANH = node("Tanh", "x", "t")
SQUASHED = {
    "tanh": [node("Tanh", "x", "a")],
    "sigmoid": [node("Sigmoid", "x", "a")],
    "clip": [node("Clip", "x minus one", "a")],
    "clip to nearly one": [node("Clip", "x least most", "a")],
    "min and max": [node("Min", "x one", "m"), node("Max", "m minus", "a")],
    "softsign": [node("Softsign", "x", "a")],
    "softsign by hand": [node("Abs", "x", "b"), node("Add", "b one", "d"), node("Div", "x d", "a")],
    "atan": [node("Atan", "x", "a")],
    "erf": [node("Erf", "x", "a")],
    "sine": [node("Sin", "x", "a")],
    "hard sigmoid": [node("HardSigmoid", "x", "a")],
    "reshaped": [TANH, node("Reshape", "t shape", "a")],
    "cast": [
        TANH,
        node("Cast", "t", "d", to=TensorProto.DOUBLE),
        node("Cast", "d", "a", to=TensorProto.FLOAT),
    ],
    "times one": [TANH, node("Mul", "t one", "a")],
    "identity, expand": [
        TANH,
        node("Identity", "t", "i"),
        node("Shape", "x", "s"),
        node("Expand", "i s", "a"),
    ],
    "transposed twice": [TANH, node("Transpose", "t", "u"), node("Transpose", "u", "a")],
    "two sigmoids less one": [
        node("Sigmoid", "x", "s"),
        node("Mul", "s two", "d"),
        node("Sub", "d one", "a"),
    ],
    "tanh to 0..1": [TANH, node("Add", "t one", "u"), node("Mul", "u half", "a")],
    "clip by three": [node("Clip", "x minus3 three", "c"), node("Div", "c three", "a")],
    "quantised": [TANH, node("QuantizeLinear", "t half", "q"), node("DequantizeLinear", "q half", "a")],
}
BOTH = [TANH, node("Concat", "t x", "both", axis=1)]
SQUASHED |= {
    "the first of two": [*BOTH, node("Slice", "both first second second", "a")],
    "the last of two backwards": [
        TANH, node("Concat", "x t", "both", axis=1), node("Slice", "both back before second back", "turned"),
        node("Slice", "turned first second second", "a"),
    ],
    "one of two": [*BOTH, node("Gather", "both first", "a", axis=1)],
    "the first part": [*BOTH, node("Split", "both halves", "a rest", axis=1)],
    "the second part": [
        TANH, node("Concat", "x t", "both", axis=1), node("Split", "both", "rest a", axis=1, num_outputs=2),
    ],
    "the reciprocal of a sum": [
        node("Neg", "x", "n"), node("Exp", "n", "e"), node("Add", "e one", "s"), node("Reciprocal", "s", "a"),
    ],
    "tanh by hand": [
        node("Exp", "x", "e"), node("Neg", "x", "n"), node("Exp", "n", "f"), node("Sub", "e f", "u"),
        node("Add", "f e", "v"), node("Div", "u v", "a"),
    ],
    "x by the root of 1 + x x": [
        node("Mul", "x x", "square"), node("Add", "one square", "s"), node("Sqrt", "s", "r"),
        node("Div", "x r", "a"),
    ],
    "padded": [TANH, node("Pad", "t nothing", "a")],
    "cubed": [TANH, node("Pow", "t three", "a")],
    "summed over one": [TANH, node("CumSum", "t third", "a")],
    "times the identity": [TANH, node("MatMul", "t unit", "a")],
    "turned round and back by matrices": [
        TANH, node("Concat", "t x", "both", axis=1), node("MatMul", "both turn", "c"),
        node("MatMul", "c back2", "d"), node("Gather", "d first", "a", axis=1),
    ],
    "a layer of one": [
        TANH, node("Gemm", "t two_by_one half_of", "u", alpha=0.5), node("Sub", "u half", "a"),
    ],
    "a kernel of one": [
        TANH, node("Unsqueeze", "t last", "u"), node("Conv", "u kernel", "c"), node("Squeeze", "c last", "a"),
    ],
    "by indices": [TANH, node("Einsum", "t unit", "a", equation="bi,ij->bj")],
    "a sum over one": [TANH, node("ReduceSum", "t third1", "a", keepdims=1)],
    "one of two by a matrix": [*BOTH, node("MatMul", "both pick", "a")],
    "the mean of two by a matrix": [
        TANH, node("Sin", "x", "s"), node("Concat", "t s", "both", axis=1), node("MatMul", "both mean", "a"),
    ],
    "between matrices": [TANH, node("MatMul", "t unit", "u"), node("Clip", "u minus2 two", "c"),
        node("MatMul", "c unit", "a")],
    "clip by comparing": [
        node("Greater", "x one", "over"), node("Where", "over one x", "m"),
        node("LessOrEqual", "m minus", "under"), node("Where", "under minus1 m", "a"),
    ],
    "tanh by another hand": [
        node("Mul", "x two", "y"), node("Exp", "y", "e"), node("Sub", "e one", "u"),
        node("Add", "one1 e", "v"), node("Div", "u v", "a"),
    ],
    "half of a sum": [
        TANH, node("Concat", "t t", "both", axis=1), node("ReduceSum", "both third1", "s", keepdims=1),
        node("Mul", "s half", "a"),
    ],
    "an average of bins": [
        node("MatMul", "obs hidden", "h"), node("Softmax", "h", "p", axis=1), node("MatMul", "p bins", "a"),
    ],
    "the number of a bin": [
        node("MatMul", "obs hidden", "h"), node("ArgMax", "h", "i", axis=1, keepdims=1),
        node("Cast", "i", "f", to=TensorProto.FLOAT), node("Div", "f three", "a"),
    ],
    "a bump": [node("Mul", "x x", "s"), node("Neg", "s", "m"), node("Exp", "m", "a")],
    "another bump": [node("Pow", "x two", "s"), node("Add", "s one", "u"), node("Reciprocal", "u", "a")],
    "zero or one": [node("Greater", "x one", "b"), node("Cast", "b", "a", to=TensorProto.FLOAT)],
    "normalised by nothing": [
        TANH, node("BatchNormalization", "t ones noughts noughts ones", "a", epsilon=0.0),
    ],
}  # fmt: skip
SCALED = {
    "an average of bins up to the bounds": [
        node("MatMul", "obs hidden", "h"), node("Softmax", "h", "p", axis=1), node("MatMul", "p bins", "b"),
        node("Mul", "b two", "a"),
    ],
    "tanh by two in a layer": [TANH, node("Gemm", "t wide", "a")],
    "tanh by two in a norm": [
        TANH, node("BatchNormalization", "t twos noughts noughts ones", "a", epsilon=0.0),
    ],
    "tanh by two": [TANH, node("Mul", "t two", "a")],
    "low + (tanh + 1) / 2 * (high - low)": [
        TANH, node("Add", "t one", "u"), node("Div", "u two", "v"), node("Sub", "high low", "width"),
        node("Mul", "v width", "w"), node("Add", "low w", "a"),
    ],
    "sigmoid by four less two": [
        node("Sigmoid", "x", "s"), node("Mul", "s four", "f"), node("Sub", "f two", "a"),
    ],
    "clip to the bounds": [node("Clip", "x minus2 two", "a")],
    "the first of two, scaled": [
        TANH, node("Mul", "t two", "u"), node("Concat", "u x", "both", axis=1),
        node("Slice", "both first second second", "a"),
    ],
}  # fmt: skip
HIDDEN = [node("MatMul", "obs hidden", "h"), node("Tanh", "h", "t2")]
OPEN = {
    "a share that may be below zero": [
        node("Tanh", "x", "t"),
        node("Sub", "t two", "u"),
        node("Add", "t two", "v"),
        node("Div", "u v", "s"),
        node("Add", "s x", "a"),
    ],
    "x by its square": [node("Mul", "x x", "s"), node("Add", "s small", "t"), node("Div", "x t", "a")],
    "the second of two": [*BOTH, node("Gather", "both second", "a", axis=1)],
    "more than the trial stays within": [TANH, node("PRelu", "t three", "u"), node("Gemm", "u wide", "a")],
    "linear": [node("Identity", "x", "a")],
    "tanh in a hidden layer": [*HIDDEN, node("Gemm", "t2 spread", "a")],
    "tanh in a hidden layer whose weights are small": [*HIDDEN, node("Gemm", "t2 narrow", "a")],
    "the second of two by a matrix": [*BOTH, node("MatMul", "both pick2", "a")],
    "elu": [node("Elu", "x", "a")],
    "relu": [node("Relu", "x", "a")],
}
