"""Which kernels compute NumPy's products here: each adds in another order, so the last bits differ.

OpenBLAS takes the newest kernels that the processor has. A training with AVX-512 kernels gives other weights
than one with AVX2 kernels, and both are right. So the `lander` command asks for those with AVX2, which any
x86-64 processor since about 2015 has. Imports no NumPy, because OpenBLAS chooses when NumPy is imported.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from lander_runtime.text import shortened

VARIABLE = "OPENBLAS_CORETYPE"
"""The variable of the environment in which OpenBLAS reads which kernels to take."""

COMMON = "Haswell"
"""OpenBLAS's name for its kernels with AVX2."""

KERNEL, INSTRUCTIONS = "blas kernel", "instruction set"
"""Their names among the versions of a checkpoint, report or replay, which no digest covers."""

_CORENAME = ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename")
"""The function of OpenBLAS that names its kernels, in wheels of NumPy and elsewhere."""


def fix_kernels() -> None:
    """Have OpenBLAS take the kernels with AVX2 here and in worker processes.

    Nothing changes where the user has chosen, or the processor has no AVX2. It must be called before NumPy
    is imported.
    """
    if VARIABLE not in os.environ and has_avx2():
        os.environ[VARIABLE] = COMMON


def has_avx2() -> bool:
    """Whether this is an x86-64 processor with AVX2; False where that is not known."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        if sys.platform == "win32":
            # PF_AVX2_INSTRUCTIONS_AVAILABLE
            return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(40))
        if sys.platform == "darwin":
            found, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
            ask = ctypes.CDLL(None).sysctlbyname
            failed = ask(b"hw.optional.avx2_0", ctypes.byref(found), ctypes.byref(size), None, 0)
            return not failed and bool(found.value)
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except (OSError, AttributeError):
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    return "avx2" in flags and "fma" in flags


@cache
def kernels_here() -> dict[str, str]:
    """NumPy's kernels and the newest instruction set that it uses, as far as they are known.

    Such as `{"blas kernel": "OpenBLAS Haswell", "instruction set": "X86_V4"}`.
    """
    import numpy as np

    # The file would print, without `mode`, and older versions of NumPy do not have it.
    config = np.show_config(mode="dicts") or {}
    blas = config.get("Build Dependencies", {}).get("blas", {}).get("name")
    core = _openblas_core(Path(np.__file__).parent)
    simd = config.get("SIMD Extensions", {})
    newest = [*simd.get("baseline", []), *simd.get("found", [])][-1:]
    return {
        **({KERNEL: f"OpenBLAS {core}"} if core else {KERNEL: blas} if blas else {}),
        **({INSTRUCTIONS: newest[0]} if newest else {}),
    }


def not_the_commands() -> str | None:
    """The kernel here if the `lander` command would have taken another; None if not, or the user chose it."""
    here = kernels_here().get(KERNEL, "")
    chosen = VARIABLE in os.environ or not has_avx2() or not here.startswith("OpenBLAS ")
    return None if chosen or here == f"OpenBLAS {COMMON}" else here


def other_kernel(versions: Mapping[str, str]) -> str | None:
    """The kernel in `versions` if it is not the one here; None if it is, or one of them is not known."""
    there, here = versions.get(KERNEL), kernels_here().get(KERNEL)
    return shortened(there, 40) if there and here and there != here else None


def how_to_have(kernel: str) -> str:
    """What to do for `kernel`, such as `OpenBLAS Haswell`; empty where it is not OpenBLAS's."""
    name = kernel.removeprefix("OpenBLAS ")
    if name == kernel or not name.isalnum():
        return ""
    return f"For the same ones: {VARIABLE}={name} in the environment, before Python starts."


def _openblas_core(numpy: Path) -> str | None:
    """What OpenBLAS calls its kernels; None where NumPy's wheel brings no OpenBLAS."""
    for library in [*numpy.parent.glob("numpy.libs/*openblas*"), *numpy.glob(".dylibs/*openblas*")]:
        try:
            # Loaded already, so this is the library that NumPy uses.
            loaded = ctypes.CDLL(str(library))
        except OSError:
            continue
        for name in _CORENAME:
            function = getattr(loaded, name, None)
            if function is not None:
                function.restype = ctypes.c_char_p
                return function().decode("ascii", "replace")
    return None
