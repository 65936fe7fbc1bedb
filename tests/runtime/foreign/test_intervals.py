"""A rule's interval holds what the operator makes of every number in the interval that goes in."""

import warnings

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from lander_runtime.foreign.analysis.intervals import RULES, Interval
from lander_runtime.graphs.model import Node

OF_ONE_NUMBER = (
    "Abs", "Atan", "Ceil", "Cos", "Erf", "Exp", "Floor", "HardSigmoid", "LeakyRelu", "Neg", "Reciprocal",
    "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softsign", "Sqrt", "Tanh",
)  # fmt: skip
ENDS = (-7.3, -2.0, -1.5, -0.5, -0.4, -0.1, 0.0, 0.1, 0.4, 0.5, 1.5, 2.0, 7.3)


@pytest.mark.parametrize("operator", OF_ONE_NUMBER)
def test_no_result_lies_outside(operator: str) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None]) for name in "xy"]
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "one", values[:1], values[1:])
    run = ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]))
    node = Node(operator, ("x",), ("y",))
    for low in ENDS:
        for high in (end for end in ENDS if end >= low):
            x = np.linspace(low, high, 101)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # The square root of a negative number, and 1 / 0.
                given = Interval(np.array([low]), np.array([high]))
                found = RULES[operator](node, [given], (1,))
                (y,) = run.run(None, {"x": x})
            y = y[np.isfinite(y)]
            # Attributes are float32, and so is the reference's error function.
            inside = (y >= found.low - 1e-6) & (y <= found.high + 1e-6)
            assert inside.all(), (low, high)
