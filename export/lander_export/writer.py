"""Collects the nodes and tensors of an ONNX graph; `model.py` and the layers write with it.

Written directly and not by torch's exporter, which takes seconds and names things differently from version to
version.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 18
"""Of the default operator domain."""
IR_VERSION = 8
"""The oldest that has opset 18; ONNX Runtime 1.15 and later read it."""


class GraphWriter:
    """An ONNX graph in the making: its nodes in the order in which they run, and its tensors.

    Names are what a person sees in a viewer such as Netron. A node has the name of its layer, and so has its
    first output.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: dict[str, NDArray[Any]] = {}

    def node(self, operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, which has the node's name; returns that name."""
        return self.node_with(operator, name, inputs, [name], **attributes)

    def node_with(
        self, operator: str, name: str, inputs: Sequence[str], outputs: list[str], **attributes: Any
    ) -> str:
        """Add a node whose outputs have names of their own; returns the last of them."""
        self._nodes.append(helper.make_node(operator, inputs, outputs, name, **attributes))
        return outputs[-1]

    def rename(self, x: str, name: str) -> str:
        """Give the newest node's output `x`, which no node has taken yet, another name; returns it."""
        if not self._nodes or self._nodes[-1].output[-1] != x:
            return self.node("Identity", name, x)
        self._nodes[-1].output[-1] = name
        return name

    def tensor(self, name: str, values: Any, dtype: Any = np.float32) -> str:
        """Add a tensor; returns its name."""
        self._tensors[name] = np.asarray(values, dtype)
        return name

    def one(self) -> str:
        """The integers `[1]`, the first of the numbers below.

        Numbers have names that are sorted behind those of weights, and among themselves as torch's exporter
        sorted them: `weights_sha256` is over all tensors in the order of their names.
        """
        return self.tensor("one", [1], np.int64)

    def last_axis(self) -> str:
        """The integers `[-1]`."""
        return self.tensor("the_last_axis", [-1], np.int64)

    def model(self, obs: onnx.ValueInfoProto, outputs: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """The model, with the input `obs` and these outputs."""
        tensors = [numpy_helper.from_array(array, name) for name, array in self._tensors.items()]
        graph = helper.make_graph(self._nodes, "policy", [obs], outputs, tensors)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="lander")


def value(name: str, dtype: Any, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    """An input or output `[batch, *shape]`."""
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, element, ["batch", *shape])
