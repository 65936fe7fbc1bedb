"""The graph in 8-bit integers, by ONNX Runtime's own tool: static, pairs of QuantizeLinear and its inverse.

Static, since with dynamic ranges an action would depend on what else is in its batch. In pairs, since those
are ONNX's own operators, which every runtime has.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from lander_export.precision.half import PRODUCTS, products_of
from lander_runtime.errors import CheckFailed, LanderError, MachineLacks
from lander_runtime.text import first_line

_ROWS = 256
"""Observations that run at once while the ranges are taken."""


def to_eight_bits(model: onnx.ModelProto, observations: NDArray[Any]) -> onnx.ModelProto:
    """A copy of `model` whose layers take 8-bit weights and inputs; their sums stay float32.

    Args:
        model: with one input `obs`.
        observations: `[M, *obs_shape]`, from which each layer's input takes its range.

    Raises:
        CheckFailed: it has no layers that could be quantised, or ONNX Runtime fails at it.
        MachineLacks: this build of ONNX Runtime has no such tool.
    """
    named = _named(model)
    layers = [node.name for node in products_of(named.graph)]
    if not layers:
        raise CheckFailed("The policy has no layers whose weights could be stored in 8 bits.")
    # Of a vector each number has a unit of its own, and one step for all would round small ones away: for
    # the LunarLander that ships, 98.8% of the actions stay, and 96.0% with the first layer in 8 bits too.
    taken = layers[1:] if observations.ndim == 2 and len(layers) > 1 else layers
    with tempfile.TemporaryDirectory(prefix="lander-int8-") as folder, _quiet():
        path = Path(folder) / "policy.onnx"
        try:
            _quantise(named, observations, path, taken)
        except LanderError:
            raise
        except Exception as error:  # Its tool raises what it likes where a graph is unusual.
            raise CheckFailed(f"ONNX Runtime cannot quantise the policy ({first_line(error)}).") from error
        return onnx.load(path)


def _quantise(model: onnx.ModelProto, observations: NDArray[Any], path: Path, taken: list[str]) -> None:
    try:
        from onnxruntime import quantization
    except ImportError as error:
        raise MachineLacks(f"ONNX Runtime's quantisation cannot be imported ({error}).") from error

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._starts = iter(range(0, len(observations), _ROWS))

        def get_next(self) -> dict[str, NDArray[Any]]:
            start = next(self._starts, None)
            # An empty answer ends the calibration.
            return {} if start is None else {"obs": observations[start : start + _ROWS]}

    quantization.quantize_static(
        model,
        path,
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=sorted(PRODUCTS),
        nodes_to_quantize=taken,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
        # 7 bits for weights: with 8, sums in 16 bits overflow on processors without VNNI, silently.
        reduce_range=True,
        # Sums stay float32: logits of 8 bits would be tied all the time.
        extra_options={"OpTypesToExcludeOutputQuantization": sorted(PRODUCTS)},
    )


def _named(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose nodes all have names: the tool knows them by these, and a file may leave them out."""
    named = onnx.ModelProto()
    named.CopyFrom(model)
    for number, node in enumerate(named.graph.node):
        node.name = f"{number}.{node.name or node.op_type}"
    return named


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tool's advice, which is for models whose shapes are not known.

    It logs with the root logger, which belongs to the application: a handler put there keeps `logging` from
    installing one of its own for good.
    """
    root, handler = logging.getLogger(), logging.NullHandler()
    before = logging.root.manager.disable
    root.addHandler(handler)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
        root.removeHandler(handler)
