"""The compiled library: where it lies, which of its widths this processor runs, and why it may be missing."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import platform
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
COMPILED = PACKAGE / "compiled"
WIDTHS = (8, 4)
"""Lanes side by side in one vector: 8 with AVX2, 4 with SSE2 or NEON. Both give the same bits."""

INTERFACE_VERSION = 2
"""Must equal `lander_interface_version()` in src/interface.cpp."""


class SimulatorUnavailable(ImportError):
    """The simulator's compiled library is missing or cannot be loaded here; the message says why."""


class Settings(ctypes.Structure):
    """`lander::Settings` of src/episode/lane.hpp."""

    _fields_ = (
        ("wind_power", ctypes.c_double),
        ("turbulence_power", ctypes.c_double),
        ("gravity", ctypes.c_float),
        ("continuous", ctypes.c_int32),
        ("enable_wind", ctypes.c_int32),
        ("most_steps", ctypes.c_int32),
    )


class Step(ctypes.Structure):
    """`lander::Step` of src/batch.hpp: addresses of arrays over all lanes."""

    _fields_ = (
        ("discrete", ctypes.c_void_p),
        ("continuous", ctypes.c_void_p),
        ("active", ctypes.c_void_p),
        ("observations", ctypes.c_void_p),
        ("rewards", ctypes.c_void_p),
        ("terminated", ctypes.c_void_p),
        ("truncated", ctypes.c_void_p),
    )


def file_name(width: int, system: str | None = None) -> str:
    """The library's file name for one width on `system`, as `platform.system()` calls it."""
    suffix = {"Windows": "dll", "Darwin": "dylib"}.get(system or platform.system(), "so")
    return f"lander_simulator_w{width}.{suffix}"


def why_unavailable() -> str | None:
    """Why the simulator cannot be used here, in one sentence; None where it can."""
    try:
        load()
    except SimulatorUnavailable as error:
        return str(error)
    return None


def open_library(
    path: Path, what: str, version: tuple[str, int], build: str, unavailable: type[ImportError]
) -> ctypes.CDLL:
    """A compiled library of ours, this one or another, if it is of this version.

    Args:
        path: the library's file.
        what: what it is, for messages.
        version: the function that returns the interface's version, and the version wanted.
        build: the command that compiles it, for messages.
        unavailable: what is raised where the file is missing, does not load, or is of another version.
    """
    if not path.is_file():
        raise unavailable(
            f"the {what} is not compiled ({path.name} is missing): "
            f"{build} compiles it with a C++ compiler or PyPI's ziglang"
        )
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise unavailable(f"the {what}'s library does not load here: {error}") from error
    function, wanted = version
    if getattr(library, function)() != wanted:
        raise unavailable(f"{path.name} belongs to another version of the {what}: {build}")
    return library


@functools.cache
def sources_digest() -> str:
    """Sixteen hexadecimal digits that differ wherever the C++ sources or the compiler's flags do.

    Equal digests mean equal bits, if the library is not older than its sources.
    """
    digest = hashlib.sha256()
    for path in sorted([*(PACKAGE / "src").rglob("*.[hc]pp"), PACKAGE / "build.py"]):
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def load(width: int | None = None) -> ctypes.CDLL:
    """The library, loaded: of `width` lanes, or of the widest vectors that this processor has.

    Raises:
        SimulatorUnavailable: no library was compiled, it belongs to another version, or the processor lacks
            AVX2.
    """
    if width is not None:
        return _load(width)
    narrow = _load(WIDTHS[-1])
    wide_exists = (COMPILED / file_name(WIDTHS[0])).is_file()
    return _load(WIDTHS[0]) if wide_exists and narrow.lander_has_avx2() else narrow


@functools.cache
def _load(width: int) -> ctypes.CDLL:
    library = open_library(
        COMPILED / file_name(width),
        "simulator",
        ("lander_interface_version", INTERFACE_VERSION),
        "`python -m lander_simulator.build`",
        SimulatorUnavailable,
    )
    if width == WIDTHS[0] and not library.lander_has_avx2():
        raise SimulatorUnavailable("vectors of 8 lanes need AVX2, which this processor does not have")
    handle, integer = ctypes.c_void_p, ctypes.c_int
    library.lander_create.argtypes = (integer, ctypes.POINTER(Settings), integer)
    library.lander_create.restype = handle
    library.lander_destroy.argtypes = (handle,)
    library.lander_destroy.restype = None
    library.lander_reset.argtypes = (handle, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(Step))
    library.lander_reset.restype = None
    library.lander_seed.argtypes = (handle, integer, ctypes.c_void_p, ctypes.c_void_p)
    library.lander_seed.restype = None
    library.lander_step.argtypes = (handle, ctypes.POINTER(Step))
    library.lander_save.argtypes = (handle, ctypes.c_void_p)
    library.lander_save.restype = None
    library.lander_restore.argtypes = (handle, ctypes.c_void_p)
    library.lander_restore.restype = None
    return library
