"""Weights in files beside the model, where PyTorch writes them unless told otherwise, put into the model.

Apart from `structure.py`, which refuses them: ONNX Runtime would open whatever path a model names. Here only
files in the model's own folder are read, and the model that runs is in one piece again.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.model import Model, Tensor
from lander_runtime.graphs.reading import read_model
from lander_runtime.policy.content import largest_file, read_part, read_policy_file, too_large
from lander_runtime.text import quoted

_MOST_FILES = 1000
"""Older exporters write one file a tensor."""


def read_files(path: Path, *, large: bool = False) -> tuple[bytes, dict[str, bytes]]:
    """The content of the model at `path`, and of the files with its external weights by their names.

    Raises:
        InputRefused: a file is missing, is not in the model's own folder, or is too large.
    """
    content = read_policy_file(path, large=large)
    names = _locations(read_model(content, path.name))
    if len(names) > _MOST_FILES:
        raise InputRefused(f"{path.name}: keeps weights in {len(names)} files. {_ADVICE}")
    weights, left = {}, largest_file(large=large) - len(content)
    for name in names:
        found = _read_beside(path, name, large=large)
        left -= len(found)
        if left < 0:
            raise InputRefused(f"{path.name}: with its weights it is {too_large(large=large)}")
        weights[name] = found
    return content, weights


def with_weights(model: Model, weights: Mapping[str, bytes], path: Path, limit: int) -> Model:
    """The model of `path` with the parts of `weights` that it names put into it.

    Raises:
        InputRefused: it names another file, a part that is not there, or parts of more than `limit`
            bytes together.
    """
    inliner = _Inliner({name: memoryview(data) for name, data in weights.items()}, path, limit)
    initializers = tuple(map(inliner.tensor, model.graph.initializers))
    return replace(model, graph=replace(model.graph, initializers=initializers))


_ADVICE = "Export it with external_data=False."


def _locations(model: Model) -> list[str]:
    """The names of the files that hold weights, in the order in which they are first named."""
    found = [dict(tensor.external) for tensor in model.graph.initializers if tensor.external is not None]
    return list(dict.fromkeys(where.get("location", "") for where in found))


def _read_beside(path: Path, name: str, *, large: bool) -> bytes:
    """The content of the file `name` in the folder of the model at `path`."""
    plain = PurePosixPath(name).name == name == PureWindowsPath(name).name and name not in ("", ".", "..")
    if not plain or not name.isprintable():
        raise InputRefused(
            f"{path.name}: keeps weights in {quoted(name)}; only a file in its own folder is read. {_ADVICE}"
        )
    beside = path.with_name(name)
    try:
        # A link could lead out of the folder. In a download cache both are links into one folder.
        if beside.is_symlink() and not (
            path.is_symlink() and beside.resolve().parent == path.resolve().parent
        ):
            raise InputRefused(
                f"{path.name}: keeps weights in {quoted(name)}, which is a link to another place. {_ADVICE}"
            )
        return read_part(beside, large=large)
    except (InputRefused, OSError, RuntimeError, ValueError) as error:  # RuntimeError: a ring of links.
        if isinstance(error, InputRefused) and str(error).startswith(f"{path.name}: keeps"):
            raise
        raise InputRefused(f"{path.name}: keeps weights in another file, and {error} {_ADVICE}") from error


class _Inliner:
    """Fills tensors, and counts what it put in: many tensors may name the same large part."""

    def __init__(self, weights: Mapping[str, memoryview], path: Path, limit: int) -> None:
        self._weights = weights
        self._path = path
        self._left = limit

    def tensor(self, tensor: Tensor) -> Tensor:
        if tensor.external is None:
            return tensor
        return replace(tensor, raw=self._part(dict(tensor.external)), external=None)

    def _part(self, where: dict[str, str]) -> memoryview:
        name = where.get("location", "")
        weights = self._weights.get(name)
        if weights is None:
            raise InputRefused(f"{self._path.name}: keeps weights in {quoted(name)}, which is not there.")
        start = self._number(where.get("offset", "0"))
        length = self._number(where.get("length", str(max(0, len(weights) - start))))
        self._left -= length
        if start + length > len(weights) or self._left < 0:
            raise InputRefused(f"{self._path.name}: names more weights than {quoted(name)} holds.")
        return weights[start : start + length]

    def _number(self, digits: str) -> int:
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
            raise InputRefused(
                f"{self._path.name}: not an ONNX file ({quoted(digits)} where a number of bytes should be)."
            )
        return int(digits)
