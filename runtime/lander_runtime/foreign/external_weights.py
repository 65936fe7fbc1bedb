"""Weights in a file beside the model, where PyTorch writes them unless told otherwise, put into the model.

Apart from `structure.py`, which refuses them: ONNX Runtime would open whatever path a model names. Here one
file is read, called like the model with `.data` behind it, and the model that runs is in one piece again.
"""

from dataclasses import replace
from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.model import Model, Tensor
from lander_runtime.text import quoted


def weights_file(path: Path) -> Path:
    """Where the weights of the model at `path` may lie."""
    return path.with_name(f"{path.name}.data")


def needs_weights(model: Model) -> bool:
    """Whether a weight of the model is in another file."""
    return any(tensor.external for tensor in model.graph.initializers)


def with_weights(model: Model, weights: bytes, path: Path, limit: int) -> Model:
    """The model of `path` with the parts of `weights` that it names put into it.

    Raises:
        InputRefused: it names another file, a part that is not there, or parts of more than `limit`
            bytes together.
    """
    inliner = _Inliner(memoryview(weights), path, limit)
    initializers = tuple(map(inliner.tensor, model.graph.initializers))
    return replace(model, graph=replace(model.graph, initializers=initializers))


class _Inliner:
    """Fills tensors, and counts what it put in: many tensors may name the same large part."""

    def __init__(self, weights: memoryview, path: Path, limit: int) -> None:
        self._weights = weights
        self._path = path
        self._left = limit

    def tensor(self, tensor: Tensor) -> Tensor:
        if not tensor.external:
            return tensor
        return replace(tensor, raw=self._part(dict(tensor.external)), external=None)

    def _part(self, where: dict[str, str]) -> memoryview:
        expected = weights_file(self._path).name
        if where.get("location") != expected:
            raise InputRefused(
                f"{self._path.name}: keeps weights in {quoted(where.get('location', ''))}; only {expected!r} "
                "beside it is read. Export it with external_data=False."
            )
        start = self._number(where.get("offset", "0"))
        length = self._number(where.get("length", str(max(0, len(self._weights) - start))))
        self._left -= length
        if start + length > len(self._weights) or self._left < 0:
            raise InputRefused(f"{self._path.name}: names more weights than {expected!r} holds.")
        return self._weights[start : start + length]

    def _number(self, digits: str) -> int:
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            raise InputRefused(
                f"{self._path.name}: not an ONNX file ({quoted(digits)} where a number of bytes should be)."
            )
        return int(digits)
