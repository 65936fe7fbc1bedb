"""The layout of a network's parameters in one vector, for NumPy's arrays and PyTorch's tensors alike.

This file must not load PyTorch: the critic's process needs it.
"""

import math
from itertools import accumulate
from typing import Any, NamedTuple


class ParameterLayout(NamedTuple):
    """Names and shapes of parameters, one after another in a vector `[P]`."""

    names: tuple[str, ...]
    """As in the network's state dict, such as `actor.0.weight`."""
    shapes: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(math.prod(shape) for shape in self.shapes)

    def split(self, vector: Any) -> list[Any]:
        """Views of `vector` `[P]`, an array or a tensor, in the shapes of the parameters."""
        ends = accumulate(math.prod(shape) for shape in self.shapes)
        return [
            vector[end - math.prod(shape) : end].reshape(shape)
            for end, shape in zip(ends, self.shapes, strict=True)
        ]

    def only(self, prefix: str) -> "ParameterLayout":
        """The layout of the parameters whose names begin with `prefix`."""
        kept = [pair for pair in zip(self.names, self.shapes, strict=True) if pair[0].startswith(prefix)]
        return ParameterLayout(tuple(name for name, _ in kept), tuple(shape for _, shape in kept))

    def broken(self, gradient: Any) -> str:
        """Says for a message which parameters have a NaN or an infinity in `gradient` `[P]`."""
        # x - x is 0 for every finite number and NaN for the others.
        parts = zip(self.names, self.split(gradient), strict=True)
        broken = [name for name, part in parts if float((part - part).sum()) != 0.0]
        return f"gradient of {', '.join(broken)}" if broken else "norm of the gradient"
