"""What a library does with observations outside its file, put into the graph.

    input -> Sub(mean) -> Div(deviation) -> Max(-clip) -> Min(clip) -> Cast -> the file's own input
    input -> Div(scale)                                             -> Cast -> the file's own input

Statistics are taken in double precision, as Stable-Baselines3 does: its formula, bit for bit.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.foreign.feeding import as_input
from lander_runtime.foreign.signature import Input
from lander_runtime.graphs.model import Attribute, Model, Node, Tensor, TensorType, Value
from lander_runtime.inert.normalizer import Normalizer
from lander_runtime.spec import Space
from lander_runtime.text import quoted

_PREFIX = "lander prepared "
"""Of the names of values that are made here."""

_ELEMENTS = {"float32": 1, "float16": 10, "float64": 11}
"""TensorProto.DataType by NumPy's names."""


@dataclass(frozen=True)
class Preparation:
    """One of the two.

    Raises:
        UsageError: both, or a scale that is no number above 0.
    """

    normalizer: Normalizer | None = None
    pixel_scale: float | None = None
    """What observations are divided by."""

    def __post_init__(self) -> None:
        if (self.normalizer is None) == (self.pixel_scale is None):
            raise UsageError("--normalizer is for vectors and --pixel-scale for pictures. Give one of them.")
        if self.pixel_scale is not None and not 0.0 < self.pixel_scale < 1e9:
            raise UsageError(f"--pixel-scale {self.pixel_scale} should be a number above 0, such as 255.")

    @property
    def in_words(self) -> str:
        """A sentence about the observations."""
        if self.normalizer is None:
            return f"Before it they are divided by {self.pixel_scale:g}, as --pixel-scale says."
        return (
            "Before it they are normalised, as --normalizer says: (observation - mean) / sqrt(variance + "
            f"epsilon), {self.normalizer.in_words}. Mean and variance have the SHA-256 "
            f"{self.normalizer.statistics_sha256}."
        )


def prepared(model: Model, entry: Input, observation: Space, preparation: Preparation) -> tuple[Model, Input]:
    """The model with the preparation in front of `entry`, and its new input.

    Raises:
        InputRefused: the statistics are of other observations, or the input takes whole numbers.
    """
    if entry.dtype not in _ELEMENTS:
        raise InputRefused(
            f"{quoted(entry.name)} takes {entry.dtype}, so nothing can be divided in front of it. "
            "Leave out --normalizer and --pixel-scale."
        )
    normalizer = preparation.normalizer
    if normalizer is not None and normalizer.mean.shape != observation.shape:
        raise InputRefused(
            f"--normalizer has statistics of observations {list(normalizer.mean.shape)}; the environment's "
            f"are {list(observation.shape)}."
        )
    # Pixels are whole numbers, which float32 divides exactly as well.
    dtype = "float32" if normalizer is None else "float64"
    new = replace(entry, name=f"{_PREFIX}observation", dtype=dtype)
    steps = _Steps(new)
    if normalizer is None:
        steps.add("Div", np.asarray(preparation.pixel_scale))
    else:
        steps.add("Sub", as_input(new, normalizer.mean[None]))
        steps.add("Div", as_input(new, normalizer.deviation[None]))
        if normalizer.clip is not None:
            # Clip takes its bounds in two ways, which depend on the opset.
            steps.add("Max", np.asarray(-normalizer.clip))
            steps.add("Min", np.asarray(normalizer.clip))
    to = Attribute("to", "INT", _ELEMENTS[entry.dtype])
    cast = Node("Cast", (steps.last,), (entry.name,), attributes=(to,))
    graph = model.graph
    return replace(
        model,
        graph=replace(
            graph,
            nodes=(*steps.nodes, cast, *graph.nodes),
            initializers=(*graph.initializers, *steps.constants),
            inputs=tuple(
                _retyped(value, new) if value.name == entry.name else value for value in graph.inputs
            ),
        ),
    ), new


class _Steps:
    """Operators one behind the other, each with a constant."""

    def __init__(self, new: Input) -> None:
        self.nodes: list[Node] = []
        self.constants: list[Tensor] = []
        self.last = new.name
        self._dtype = new.dtype

    def add(self, operator: str, constant: NDArray[Any]) -> None:
        name = f"{_PREFIX}{operator.lower()}"
        raw = constant.astype(np.dtype(self._dtype).newbyteorder("<")).tobytes()
        self.constants.append(Tensor(f"{name} constant", _ELEMENTS[self._dtype], constant.shape, raw))
        self.nodes.append(Node(operator, (self.last, f"{name} constant"), (name,)))
        self.last = name


def _retyped(value: Value, new: Input) -> Value:
    shape = value.type.shape if isinstance(value.type, TensorType) else None
    return Value(new.name, TensorType(_ELEMENTS[new.dtype], shape))
