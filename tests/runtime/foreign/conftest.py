"""A graph that is built by hand, and what it should give."""

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from foreign_files import Graph, load, node


@pytest.fixture
def graph() -> Graph:
    """(nodes from `obs` and `scores` to outputs, outputs, batch=, dtype=, obs_shape=) -> a model.

    `scores` are the observations times a fixed matrix, `[batch, 4]`.
    """

    def build(
        nodes: list[onnx.NodeProto],
        outputs: dict[str, tuple[int, list[Any]]],
        *,
        batch: Any = "batch",
        dtype: Any = np.float32,
        obs_shape: tuple[Any, ...] = (8,),
        constants: dict[str, NDArray[Any]] | None = None,
    ) -> onnx.ModelProto:
        weights = (np.random.default_rng(3).integers(-8, 9, (8, 4)) / 8).astype(dtype)
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        shape = [batch, *obs_shape] if batch is not None else list(obs_shape)
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["obs", "weights"], ["scores"]), *nodes],
            "stranger",
            [helper.make_tensor_value_info("obs", kind, shape)],
            [helper.make_tensor_value_info(name, *what) for name, what in outputs.items()],
            [
                numpy_helper.from_array(array, name)
                for name, array in {"weights": weights, **(constants or {})}.items()
            ],
        )
        return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])

    return build


@pytest.fixture
def observations() -> NDArray[np.float32]:
    return np.random.default_rng(5).standard_normal((40, 8)).astype(np.float32)


@pytest.fixture
def scores(graph: Graph, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """`scores` of `observations`, `[40, 4]`."""
    model = graph([node("Identity", "scores", "s")], {"s": (TensorProto.FLOAT, ["batch", 4])})
    return load(model).outputs(observations)["logits"]
