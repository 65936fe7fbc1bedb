"""A multilayer perceptron as a list of steps on one vector, and its outputs in double precision.

What is read from a graph becomes such a list; `functions.py` writes it as C. In double precision it is
compared with ONNX Runtime before anything is written, so a graph that was misread gives no header.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lander_runtime.policy.agreement import TOLERANCE

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Exact:
    """Numbers in double precision, `[M, n]`, and what the rounding of float32 is in proportion to.

    The scale is the sum of the absolute products behind each number, as docs/policy-file.md defines it.
    """

    values: Doubles
    scale: Doubles

    def through(self, function: Callable[[Doubles], Doubles]) -> "Exact":
        """Another for `function` of each number by itself, however bent it is where the number lies."""
        values, step = function(self.values), TOLERANCE * self.scale
        off = [np.abs(function(self.values + sign * step) - values) / TOLERANCE for sign in (-1, 1)]
        return Exact(values, np.maximum(*off) + np.abs(values))


class Step(Protocol):
    """What is done with the vector."""

    def width(self, before: int) -> int | None:
        """Numbers after this step for `before` numbers before it; None where they do not fit."""
        ...

    def run(self, x: Exact) -> Exact:
        """The step in double precision."""
        ...


@dataclass(frozen=True, eq=False)
class Dense:
    """A linear layer: `x @ weight + bias`."""

    weight: Floats
    """`[inputs, outputs]`: C adds a row for each input, which compilers turn into vector instructions."""
    bias: Floats
    """`[outputs]`"""

    def width(self, before: int) -> int | None:
        return self.weight.shape[1] if self.weight.shape[0] == before else None

    def run(self, x: Exact) -> Exact:
        weight, bias = self.weight.astype(np.float64), self.bias.astype(np.float64)
        products = np.abs(x.values) @ np.abs(weight) + np.abs(bias)
        passed_on = np.sqrt(np.square(x.scale) @ np.square(weight))
        return Exact(x.values @ weight + bias, products + passed_on)


Operation = Literal["add", "subtract", "multiply", "divide", "at_least", "at_most"]


@dataclass(frozen=True, eq=False)
class WithConstant:
    """An operation of each number with a constant: the parts of a normaliser, bounds of an action."""

    operation: Operation
    values: Floats
    """`[n]`, or `[1]` where all numbers have the same."""

    def width(self, before: int) -> int | None:
        return before if len(self.values) in (1, before) else None

    def run(self, x: Exact) -> Exact:
        constant = self.values.astype(np.float64)
        match self.operation:
            case "add" | "subtract":
                signed = constant if self.operation == "add" else -constant
                return Exact(x.values + signed, np.abs(x.values) + np.abs(constant) + x.scale)
            case "multiply":
                return Exact(x.values * constant, (np.abs(x.values) + x.scale) * np.abs(constant))
            case "divide":
                return Exact(x.values / constant, (np.abs(x.values) + x.scale) / np.abs(constant))
            case "at_least":
                return x.through(lambda z: np.maximum(z, constant))
            case "at_most":
                return x.through(lambda z: np.minimum(z, constant))


Kind = Literal["tanh", "relu", "leaky_relu", "elu", "sigmoid", "silu"]


@dataclass(frozen=True)
class Activation:
    """A function of each number by itself."""

    kind: Kind
    alpha: float = 1.0
    """Of a leaky ReLU and of an ELU: what multiplies the negative side."""

    def width(self, before: int) -> int | None:
        return before

    def run(self, x: Exact) -> Exact:
        return x.through(self._function)

    def _function(self, z: Doubles) -> Doubles:
        match self.kind:
            case "tanh":
                return np.tanh(z)
            case "relu":
                return np.maximum(z, 0.0)
            case "leaky_relu":
                return np.where(z < 0.0, self.alpha * z, z)
            case "elu":
                return np.where(z < 0.0, self.alpha * np.expm1(np.minimum(z, 0.0)), z)
            case "sigmoid":
                return _sigmoid(z)
            case "silu":
                return z * _sigmoid(z)


def _sigmoid(z: Doubles) -> Doubles:
    return 0.5 + 0.5 * np.tanh(0.5 * z)


@dataclass(frozen=True)
class Network:
    """Steps from an observation to the outputs."""

    inputs: int
    steps: tuple[Step, ...]

    @property
    def widths(self) -> list[int]:
        """Numbers before the first step and after each."""
        found = [self.inputs]
        for step in self.steps:
            width = step.width(found[-1])
            assert width is not None, "checked while it was read"
            found.append(width)
        return found

    @property
    def outputs(self) -> int:
        return self.widths[-1]

    @property
    def numbers(self) -> int:
        """Weights and other constants in all."""
        dense = sum(step.weight.size + step.bias.size for step in self.steps if isinstance(step, Dense))
        return dense + sum(len(step.values) for step in self.steps if isinstance(step, WithConstant))

    def run(self, observations: NDArray[np.generic]) -> Exact:
        """The outputs for `[M, inputs]`, which enter as float32."""
        values = observations.astype(np.float32).astype(np.float64)
        exact = Exact(values, np.zeros_like(values))
        for step in self.steps:
            exact = step.run(exact)
        return exact

    def __str__(self) -> str:
        """Such as `8 -> 64 tanh -> 64 tanh -> 4`."""
        words = [str(self.inputs)]
        for step in self.steps:
            if isinstance(step, Dense):
                words.append(f"-> {step.weight.shape[1]}")
            elif isinstance(step, Activation):
                words.append(step.kind.replace("_", " "))
        return " ".join(words)
