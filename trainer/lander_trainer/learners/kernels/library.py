"""The compiled library: where it lies, which of its widths this processor runs, and why it may be missing."""

import ctypes
import functools
import hashlib
from pathlib import Path

import lander_simulator.build as compiling
from lander_runtime.kernels import has_avx2
from lander_simulator.library import open_library

LEARNER = compiling.Library("lander_learner", Path(__file__).resolve().parent)

INTERFACE_VERSION = 1
"""Must equal `learner_interface_version()` in src/interface.cpp."""


class Optimiser(ctypes.Structure):
    """`learner::Optimiser` of src/adam.hpp."""

    _fields_ = (
        ("values", ctypes.c_void_p),
        ("gradient", ctypes.c_void_p),
        ("mean", ctypes.c_void_p),
        ("square", ctypes.c_void_p),
        ("steps", ctypes.c_int64),
        ("learning_rate", ctypes.c_double),
        ("epsilon", ctypes.c_double),
        ("max_norm", ctypes.c_double),
    )


class Epoch(ctypes.Structure):
    """`learner::Epoch` of src/network.hpp."""

    _fields_ = (
        ("rows", ctypes.c_int64),
        ("minibatch", ctypes.c_int64),
        ("observations", ctypes.c_void_p),
        ("norms", ctypes.c_void_p),
    )


class LearnerUnavailable(ImportError):
    """The compiled library is missing or cannot be loaded here; the message says why."""


def why_unavailable() -> str | None:
    """Why the compiled learner cannot be used here, in one sentence; None where it can."""
    try:
        load()
    except LearnerUnavailable as error:
        return str(error)
    return None


@functools.cache
def sources_digest() -> str:
    """Sixteen hexadecimal digits that differ wherever the C++ sources or the compiler's flags do.

    Equal digests mean equal bits, if the library is not older than its sources.
    """
    digest = hashlib.sha256()
    for folder in (LEARNER.sources, compiling.SOURCES / "numbers"):
        for path in sorted(folder.rglob("*.[hc]pp")):
            digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    digest.update("\n".join(compiling.FLAGS[:-1]).encode())  # the last one names a folder
    return digest.hexdigest()[:16]


def widest_vectors() -> int:
    """How many floats the library's widest vectors have here: 8 with AVX2, else 4 (SSE2, NEON)."""
    return 8 if 8 in compiling.this_machine().widths and has_avx2() else 4


@functools.cache
def load(width: int | None = None) -> ctypes.CDLL:
    """The library, loaded: in vectors of `width` floats, or the widest that this processor has.

    Raises:
        LearnerUnavailable: no library was compiled, it belongs to another version, or this is a system for
            which there is none.
    """
    try:
        target = compiling.this_machine()
    except compiling.CompilationFailed as error:
        raise LearnerUnavailable(f"the learner is not compiled: {error}") from error
    width = width or widest_vectors()
    library = open_library(
        LEARNER.compiled / compiling.library_name(width, target, LEARNER),
        "learner",
        ("learner_interface_version", INTERFACE_VERSION),
        "`python -m lander_trainer.learners.kernels.build`",
        LearnerUnavailable,
    )
    return _declared(library)


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    address, rows, number = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    state = (address, ctypes.POINTER(Optimiser), ctypes.POINTER(Epoch))
    library.learner_create.argtypes = (ctypes.c_int, address, ctypes.c_int32, ctypes.c_int)
    library.learner_create.restype = address
    library.learner_destroy.argtypes = (address,)
    library.learner_destroy.restype = None
    library.learner_forward.argtypes = (address, address, rows, address, address)
    library.learner_forward.restype = None
    library.learner_actor_epoch.argtypes = (
        *state,
        address,
        address,
        address,
        number,
        number,
        address,
        address,
    )
    library.learner_actor_epoch.restype = rows
    library.learner_critic_epoch.argtypes = (*state, address, address, number, number, address)
    library.learner_critic_epoch.restype = rows
    return library
