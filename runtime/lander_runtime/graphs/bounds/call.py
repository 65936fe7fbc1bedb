"""One operator at work: what goes in, its settings, and how it is refused.

Apart from the rules, which are many and should each be a few lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.model import ELEMENT_BITS, Attribute, Node, Tensor
from lander_runtime.text import quoted

FLOAT, UINT8, INT8, INT32, INT64, BOOL = 1, 2, 3, 6, 7, 9
"""TensorProto.DataType."""

INTEGERS = frozenset({2, 3, 4, 5, 6, 7, 12, 13})
"""TensorProto.DataType of the integers that operators divide."""

_LONGEST_SIZE = 1 << 40
"""So that no product of sizes takes long in Python; far above every limit."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a value before the graph runs."""

    element: int
    """TensorProto.DataType."""
    dims: tuple[int, ...]
    """Its shape, where `exact`; else none of its sizes is larger."""
    value: NDArray[Any] | None = None
    """Its numbers, where they follow from shapes and constants and are few."""
    exact: bool = True

    @property
    def count(self) -> int:
        return math.prod(self.dims)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * ELEMENT_BITS.get(self.element, 64) // 8


class Call:
    """A node with what is known of its inputs. Rules add to `work`, in products of single precision."""

    def __init__(self, node: Node, inputs: Sequence[Held | None], opset: int, name: str) -> None:
        self.node = node
        self.inputs = inputs
        self.opset = opset
        self.work = 0
        self._name = name
        self._attributes: dict[str, Attribute] = {one.name: one for one in node.attributes}

    def given(self, place: int) -> Held:
        """An input that the operator cannot do without."""
        held = self.optional(place)
        return held if held is not None else self.refuse(f"lacks its input {place + 1}")

    def optional(self, place: int) -> Held | None:
        return self.inputs[place] if place < len(self.inputs) else None

    def numbers(self, place: int, what: str) -> NDArray[Any]:
        """The numbers of an input that decides a size.

        Raises:
            InputRefused: they depend on what is observed, or are too many to be sizes.
        """
        value = self.given(place).value
        return value if value is not None else self.refuse(f"takes its {what} from what is observed")

    def sizes(self, place: int, attribute: str, what: str) -> list[int] | None:
        """Whole numbers from an input, or in older opsets from an attribute; None where neither is there."""
        if self.optional(place) is not None:
            if attribute in self._attributes:
                self.refuse(f"has its {what} twice")
            return [int(number) for number in self.numbers(place, what).ravel()]
        return self.ints(attribute)

    def ints(self, attribute: str) -> list[int] | None:
        found = self._value(attribute, "INTS")
        return None if found is None else list(found)

    def floats(self, attribute: str) -> list[float] | None:
        found = self._value(attribute, "FLOATS")
        return None if found is None else list(found)

    def whole(self, attribute: str, otherwise: int) -> int:
        found = self._value(attribute, "INT")
        return otherwise if found is None else found

    def flag(self, attribute: str, otherwise: bool) -> bool:
        """0 or 1. Of any other number operators differ in what they make of it."""
        found = self.whole(attribute, int(otherwise))
        return (
            found == 1
            if found in (0, 1)
            else self.refuse(f"has {attribute} {found}, which is neither 0 nor 1")
        )

    def text(self, attribute: str, otherwise: str) -> str:
        found = self._value(attribute, "STRING")
        return otherwise if found is None else found.decode("ascii", "replace")

    def tensor(self, attribute: str) -> Tensor | None:
        return self._value(attribute, "TENSOR")

    def has(self, attribute: str) -> bool:
        return attribute in self._attributes

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front."""
        if not -rank <= axis < rank:
            self.refuse(f"has the axis {axis} of a value with {rank} axes")
        return axis % rank

    def axes(self, axes: Sequence[int], rank: int) -> list[int]:
        found = [self.axis(axis, rank) for axis in axes]
        return found if len(set(found)) == len(found) else self.refuse("has an axis twice")

    def positive(self, sizes: Sequence[int], what: str) -> tuple[int, ...]:
        """Sizes, none of which is below zero or beyond all bounds."""
        for size in sizes:
            if not 0 <= size <= _LONGEST_SIZE:
                self.refuse(f"has {what} of {size}")
        return tuple(sizes)

    def refuse(self, what: str) -> Never:
        """Say of this node what is wrong."""
        place = quoted(self.node.name or (self.node.outputs or ("",))[0])
        raise InputRefused(
            f"{self._name}: the operator {self.node.operator} {place} {what}, so it is not known what it "
            "would take. Export the plain network, from observations to actions."
        )

    def _value(self, attribute: str, kind: str) -> Any:
        found = self._attributes.get(attribute)
        if found is None:
            return None
        if found.kind != kind:
            self.refuse(f"has {attribute} as {found.kind} and not as {kind}")
        return found.value


def unknown(element: int, dims: Sequence[int], exact: bool = True) -> Held:
    """A value of which only type and shape are known."""
    return Held(element, tuple(dims), None, exact)


def as_numpy(element: int) -> np.dtype[Any] | None:
    """NumPy's type of an element; None for those that decide no sizes."""
    return _DTYPES.get(element)


_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"), 2: np.dtype("u1"), 3: np.dtype("i1"), 4: np.dtype("<u2"), 5: np.dtype("<i2"),
    6: np.dtype("<i4"), 7: np.dtype("<i8"), 9: np.dtype("?"), 11: np.dtype("<f8"), 12: np.dtype("<u4"),
    13: np.dtype("<u8"),
}  # fmt: skip
