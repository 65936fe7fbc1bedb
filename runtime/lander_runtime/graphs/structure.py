"""What a model that was read may be made of: an allow-list of operators, plain tensors, weights inside.

A stranger's graph may loop for ever, draw random numbers or take weights from other files. ONNX Runtime would
do all of that when it is asked to load and run.
"""

import math
from collections.abc import Iterable

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.model import ELEMENT_BITS, TEXTS, Model, Node, OtherType, Tensor, Value
from lander_runtime.text import quoted

CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})

RANDOM = frozenset(
    {
        "Bernoulli",
        "Dropout",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)

_OPERATORS_BY_USE = {
    "arithmetic": (
        "Abs Add Ceil Clip CumProd CumSum Div Einsum Erf Exp Floor Gemm Log MatMul Max Mean Min Mod "
        "Mul Neg Pow Reciprocal Round Sign Sqrt Sub Sum"
    ),
    "trigonometry": ("Acos Acosh Asin Asinh Atan Atanh Cos Cosh Sin Sinh Tan"),
    "comparison and logic": (
        "And BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Equal Greater GreaterOrEqual IsInf "
        "IsNaN Less LessOrEqual Not Or Where Xor"
    ),
    "activations": (
        "Celu Elu Gelu HardSigmoid HardSwish Hardmax LeakyRelu LogSoftmax Mish PRelu Relu Selu Shrink "
        "Sigmoid Softmax Softplus Softsign SwiGLU Swish Tanh ThresholdedRelu"
    ),
    "normalisation": (
        "BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization "
        "LpNormalization MeanVarianceNormalization RMSNormalization"
    ),
    "images": (
        "AveragePool CenterCropPad Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalLpPool "
        "GlobalMaxPool GridSample LpPool MaxPool Resize SpaceToDepth Upsample"
    ),
    "memory and attention": ("Attention GRU LSTM RNN RotaryEmbedding"),
    "reduction": (
        "ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
        "ReduceProd ReduceSum ReduceSumSquare TopK"
    ),
    "quantisation": (
        "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul "
        "QuantizeLinear"
    ),
    "shapes and places": (
        "BitCast Cast CastLike Compress Concat Constant ConstantOfShape Expand EyeLike Flatten Gather "
        "GatherElements GatherND Identity NonZero OneHot Pad Range Reshape ReverseSequence Scatter "
        "ScatterElements ScatterND Shape Size Slice Split Squeeze TensorScatter Tile Transpose Trilu "
        "Unique Unsqueeze"
    ),
}

OPERATORS = frozenset(name for names in _OPERATORS_BY_USE.values() for name in names.split())
"""ONNX's own operators that a policy may use: functions of tensors. Not there are control flow, random
numbers, sequences, maps, text, sound, image files, and what only training or object detection needs."""

_ADVICE = {
    **dict.fromkeys(
        CONTROL_FLOW,
        "PyTorch's older exporter writes it for some models with dynamic_axes: export with a batch of 1.",
    ),
    **dict.fromkeys(RANDOM, "Export the greedy action, of a model in eval mode."),
}
_OTHER_ADVICE = "Export the network alone, from observations to actions."

_MAX_RANK = 64
"""NumPy's."""

_LONGEST_AXIS = 1 << 40
"""An axis may be longer than a file where another one has no numbers, and would overflow later."""

_VALUE_KINDS = frozenset({"FLOAT", "INT", "STRING", "TENSOR", "FLOATS", "INTS", "STRINGS"})
"""Attributes that hold values; the others hold graphs, types or sparse tensors."""


def check_structure(model: Model, name: str) -> None:
    """Compare a model with what a policy may be made of.

    Args:
        model: what `read_model` gave.
        name: what to call its file in errors.

    Raises:
        InputRefused: it holds an operator that is not in `OPERATORS`, a value that is no tensor, weights in
            another file, or a tensor that is not as large as it says.
    """
    graph = model.graph
    for node in graph.nodes:
        check_node(node, name)
    for tensor in graph.initializers:
        _check_tensor(tensor, name)
    _check_names_differ((tensor.name for tensor in graph.initializers), name)
    for values in (graph.inputs, graph.outputs, graph.values):
        _check_types(values, name)


def check_node(node: Node, name: str) -> None:
    """Compare one node with what a policy may be made of; raises as `check_structure`."""
    if node.domain == "com.microsoft":
        raise InputRefused(
            f"{name}: {quoted(node.operator)} of 'com.microsoft' was put there by ONNX Runtime's optimiser. "
            'Take the file from before it, or make a plain one of that with: python -c "import onnxruntime '
            "as ort; o = ort.SessionOptions(); o.optimized_model_filepath = 'PLAIN.onnx'; "
            "o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC; "
            "ort.InferenceSession('FILE.onnx', o)\""
        )
    if node.domain:
        raise InputRefused(
            f"{name}: expected operators of ONNX itself, found {quoted(node.operator)} of "
            f"{quoted(node.domain)}. {_OTHER_ADVICE}"
        )
    if node.operator not in OPERATORS:
        # In quotes unless it is ONNX's, when it can hold nothing odd.
        operator = node.operator if node.operator in _ADVICE else quoted(node.operator)
        advice = _ADVICE.get(node.operator, _OTHER_ADVICE)
        raise InputRefused(f"{name}: the operator {operator} may not be part of a policy. {advice}")
    if node.operator == "BatchNormalization" and _is_in_training(node):
        raise InputRefused(
            f"{name}: a BatchNormalization in it is in training mode, so an action depends on what else is "
            "in its batch. Export the model after model.eval()."
        )
    for attribute in node.attributes:
        if attribute.kind not in _VALUE_KINDS:
            raise InputRefused(
                f"{name}: an attribute of {node.operator} is of the type {attribute.kind}, which may not be "
                f"part of a policy. {_OTHER_ADVICE}"
            )
        if isinstance(attribute.value, Tensor):
            _check_tensor(attribute.value, name)


def _is_in_training(node: Node) -> bool:
    """Before opset 14 there was no attribute, but only the statistics as further outputs."""
    told = any(item.name == "training_mode" and item.value for item in node.attributes)
    return told or len([given for given in node.outputs if given]) > 1


def _check_tensor(tensor: Tensor, name: str) -> None:
    if tensor.external is not None:
        raise InputRefused(
            f"{name}: keeps weights in another file; a policy is one file. "
            "Export it with external_data=False."
        )
    if not _is_whole(tensor):
        raise InputRefused(
            f"{name}: the tensor {quoted(tensor.name)} does not hold as many elements as its shape says. "
            "The file is damaged: export it again."
        )


def _is_whole(tensor: Tensor) -> bool:
    if len(tensor.dims) > _MAX_RANK or not all(0 <= size <= _LONGEST_AXIS for size in tensor.dims):
        return False
    # Python's integers, which do not overflow.
    size = math.prod(tensor.dims)
    if tensor.element == TEXTS:
        return len(tensor.texts) == size
    return len(tensor.raw) == -(-size * ELEMENT_BITS[tensor.element] // 8)


def _check_names_differ(names: Iterable[str], name: str) -> None:
    seen: set[str] = set()
    for one in names:
        if one in seen:
            raise InputRefused(
                f"{name}: expected one initialiser {quoted(one)}, found several. Export it again."
            )
        seen.add(one)


def _check_types(values: Iterable[Value], name: str) -> None:
    for value in values:
        if isinstance(value.type, OtherType):
            raise InputRefused(
                f"{name}: {quoted(value.name)} is a {value.type.kind.removesuffix('_type')}; a policy has "
                f"tensors only. {_OTHER_ADVICE}"
            )
