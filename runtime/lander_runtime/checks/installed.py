"""What is installed, from packages' metadata and files alone: nothing is imported.

Importing PyTorch takes seconds, and a broken package would end the doctor.
"""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"extra *== *['\"]([a-z]+)['\"]")

RUNTIME_PACKAGES = ("onnxruntime", "onnxruntime-gpu")
"""Two packages with one module: the second that is installed overwrites the first."""


def installed_version(package: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def extras() -> dict[str, list[str]]:
    """For each extra of lander: the packages that it needs; nothing where lander itself is not installed."""
    found: dict[str, list[str]] = {}
    for extra, package in _requirements():
        if package != "lander-rl":
            found.setdefault(extra, []).append(package)
    return {extra: sorted(set(packages)) for extra, packages in sorted(found.items())}


def _requirements() -> Iterator[tuple[str, str]]:
    try:
        lines = requires("lander-rl") or []
    except PackageNotFoundError:
        return
    for line in lines:
        name, extra = _NAME.match(line), _EXTRA.search(line)
        if name is not None and extra is not None:
            yield extra[1], name[0]


def cuda_of_torch() -> str | None:
    """The CUDA that the installed PyTorch was built for, such as `13.0`; None for a CPU build or without."""
    return _version_in("torch", "version.py", "cuda")


def cuda_of_onnxruntime() -> str | None:
    """The CUDA that the installed ONNX Runtime was built for; None for a CPU build or without it."""
    return _version_in("onnxruntime", "capi/build_and_package_info.py", "cuda_version")


def _version_in(module: str, file: str, name: str) -> str | None:
    """The version that a file of a package assigns to a name; None where it assigns none."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return None
    try:
        text = (Path(spec.origin).parent / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(rf"^{name}\b[^=\n]*= *['\"](\d[\d.]*)['\"] *$", text, re.MULTILINE)
    return None if found is None else found[1]
