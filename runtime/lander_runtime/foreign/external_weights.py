"""Weights in a file beside the model, where PyTorch writes them unless told otherwise, put into the model.

Apart from `structure.py`, which refuses them: ONNX Runtime would open whatever path a model names. Here one
file is read, called like the model with `.data` behind it, and the model that runs is in one piece again.
"""

from pathlib import Path

from lander_runtime.errors import InputRefused
from lander_runtime.policy.protobuf import fields, message, text, written

# Field numbers of ModelProto, GraphProto, TensorProto and StringStringEntryProto.
_MODEL_GRAPH, _GRAPH_INITIALIZER = 7, 5
_TENSOR_RAW_DATA, _TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 9, 13, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


def weights_file(path: Path) -> Path:
    """Where the weights of the model at `path` may lie."""
    return path.with_name(f"{path.name}.data")


def needs_weights(model: bytes, name: str) -> bool:
    """Whether a weight of the model called `name` is in another file.

    Raises:
        InputRefused: not ONNX.
    """
    try:
        return any(
            part == _TENSOR_EXTERNAL_DATA
            for number, graph, _ in fields(memoryview(model))
            if number == _MODEL_GRAPH
            for number, tensor, _ in fields(message(graph))
            if number == _GRAPH_INITIALIZER
            for part, _, _ in fields(message(tensor))
        )
    except ValueError as error:
        raise InputRefused(f"{name}: not an ONNX file ({error}).") from error


def with_weights(model: bytes, weights: bytes, path: Path, limit: int) -> bytes:
    """The model of `path` with the parts of `weights` that it names written into it.

    Raises:
        InputRefused: it names another file, a part that is not there, or parts of more than `limit`
            bytes together.
    """
    inliner = _Inliner(memoryview(weights), path, limit)
    try:
        return b"".join(
            written(number, inliner.graph(message(value))) if number == _MODEL_GRAPH else bytes(raw)
            for number, value, raw in fields(memoryview(model))
        )
    except ValueError as error:
        raise InputRefused(f"{path.name}: not an ONNX file ({error}).") from error


class _Inliner:
    """Rewrites messages, and counts what it put in: many tensors may name the same large part."""

    def __init__(self, weights: memoryview, path: Path, limit: int) -> None:
        self._weights = weights
        self._path = path
        self._left = limit

    def graph(self, graph: memoryview) -> bytes:
        return b"".join(
            written(number, self._tensor(message(value))) if number == _GRAPH_INITIALIZER else bytes(raw)
            for number, value, raw in fields(graph)
        )

    def _tensor(self, tensor: memoryview) -> bytes:
        kept: list[bytes] = []
        where: dict[str, str] = {}
        for number, value, raw in fields(tensor):
            if number == _TENSOR_EXTERNAL_DATA:
                entry = {part: text(content) for part, content, _ in fields(message(value))}
                where[entry.get(_ENTRY_KEY, "")] = entry.get(_ENTRY_VALUE, "")
            elif number != _TENSOR_DATA_LOCATION:
                kept.append(bytes(raw))
        if not where:
            return bytes(tensor)
        return b"".join([*kept, written(_TENSOR_RAW_DATA, self._part(where))])

    def _part(self, where: dict[str, str]) -> bytes:
        expected = weights_file(self._path).name
        if where.get("location") != expected:
            raise InputRefused(
                f"{self._path.name}: keeps weights in {where.get('location')!r}; only {expected!r} beside it "
                "is read. Export it with external_data=False."
            )
        start = _number(where.get("offset", "0"))
        length = _number(where.get("length", str(max(0, len(self._weights) - start))))
        self._left -= length
        if start + length > len(self._weights) or self._left < 0:
            raise InputRefused(f"{self._path.name}: names more weights than {expected!r} holds.")
        return bytes(self._weights[start : start + length])


def _number(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise ValueError(f"{digits[:20]!r} where a number of bytes should be")
    return int(digits)
