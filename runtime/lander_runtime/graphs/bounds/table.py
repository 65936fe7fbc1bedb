"""Which rule holds for which operator. An operator without one cannot be bounded, and is refused."""

from collections.abc import Callable

from lander_runtime.graphs.bounds import elementwise, layout, making, products, reducing
from lander_runtime.graphs.bounds.call import Call, Held

Rule = Callable[[Call], list[Held]]

_SAME = (
    "Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization BitwiseNot Ceil Celu Clip Cos Cosh CumProd "
    "CumSum Elu Erf Exp Floor Gelu GroupNormalization HardSigmoid HardSwish Hardmax Identity "
    "IsInf IsNaN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization "
    "MeanVarianceNormalization Mish Neg Not RMSNormalization Reciprocal Relu ReverseSequence "
    "RotaryEmbedding Round Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan "
    "Tanh ThresholdedRelu Trilu"
)

_BROADCAST = (
    "Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max "
    "Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor"
)

_REDUCED = (
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare"
)

RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME.split(), elementwise.same),
    **dict.fromkeys(_BROADCAST.split(), elementwise.broadcast),
    **dict.fromkeys(("BitCast", "Cast", "CastLike"), elementwise.cast),
    **dict.fromkeys(("DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"), elementwise.quantised),
    **dict.fromkeys(("Shape", "Size"), elementwise.counted),
    "InstanceNormalization": elementwise.instance_norm,
    "LRN": elementwise.local_norm,
    "EyeLike": elementwise.eye_like,
    "SwiGLU": elementwise.gated,
    "Transpose": layout.transpose,
    "Reshape": layout.reshape,
    "Flatten": layout.flatten,
    "Squeeze": layout.squeeze,
    "Unsqueeze": layout.unsqueeze,
    "Concat": layout.concat,
    "Split": layout.split,
    "Slice": layout.cut,
    **dict.fromkeys(("Gather", "GatherElements", "GatherND"), layout.gather),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), layout.blocks),
    **dict.fromkeys(("NonZero", "Compress"), layout.chosen),
    "Unique": layout.unique,
    **dict.fromkeys(("Scatter", "ScatterElements", "ScatterND", "TensorScatter"), layout.scattered),
    "ConstantOfShape": making.of_shape,
    "Range": making.in_steps,
    "Expand": making.expand,
    "Tile": making.tile,
    "Pad": making.pad,
    "OneHot": making.one_hot,
    **dict.fromkeys(("Resize", "Upsample"), making.resize),
    "CenterCropPad": making.cropped,
    "GridSample": making.grid_sample,
    **dict.fromkeys(("MatMul", "MatMulInteger", "QLinearMatMul"), products.matmul),
    "Gemm": products.gemm,
    "Einsum": products.einsum,
    **dict.fromkeys(("Conv", "ConvInteger", "ConvTranspose", "QLinearConv"), products.convolution),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), products.recurrent),
    "Attention": products.attention,
    **dict.fromkeys(_REDUCED.split(), reducing.reduced),
    **dict.fromkeys(("ArgMax", "ArgMin"), reducing.placed),
    "TopK": reducing.largest,
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), reducing.pooled),
    **dict.fromkeys(("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"), reducing.pooled_whole),
}
"""All of `structure.OPERATORS` but Constant, whose value is in the file."""

MAY_LACK_INPUTS = frozenset(("Attention", "Clip", "GRU", "LSTM", "Pad", "RNN", "Resize", "Slice"))
"""Operators that may be given an empty name in the place of an optional input. Others of ONNX Runtime read
what is not there: LayerNormalization ends the process by a signal. What is left out at the end needs no
name."""
