"""A policy's C header as a library that Python calls: one call for a batch, a loop over its rows in C."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_export.c_header import Header
from lander_runtime.errors import MachineLacks
from lander_runtime.text import escaped

Act = Callable[[NDArray[Any]], NDArray[Any]]

_COMPILERS = ("cc", "gcc", "clang")

_ROWS = {
    "Discrete": "actions[row] = policy_act(observations);",
    "MultiDiscrete": "policy_act(observations, actions + row * POLICY_ACTIONS);",
    "Box": "policy_act(observations, actions + row * POLICY_ACTIONS);",
}

_SOURCE = """\
#include "policy.h"
int self_test(void);
int self_test(void) {{ return policy_self_test(); }}
void act(const float *observations, {kind} *actions, long rows);
void act(const float *observations, {kind} *actions, long rows)
{{
    for (long row = 0; row < rows; row++) {{
        {body}
        observations += POLICY_OBSERVATIONS;
    }}
}}
"""


def find_compiler() -> str | None:
    """A C compiler of this machine; None where there is none."""
    return next((found for name in _COMPILERS if (found := shutil.which(name)) is not None), None)


def compiled_twin(header: Header, folder: Path) -> Act:
    """The policy as C, compiled in `folder`. The header's names begin with `policy`.

    Raises:
        MachineLacks: there is no compiler, or it fails, or the self-test does not pass.
    """
    space = header.material.policy.action
    dtype = np.dtype(np.float32 if space.type == "Box" else np.int32)
    kind = "float" if space.type == "Box" else "int"
    (folder / "policy.h").write_text(header.text, encoding="ascii")
    (folder / "act.c").write_text(_SOURCE.format(kind=kind, body=_ROWS[space.type]), encoding="ascii")
    library = _compiled(folder)
    if library.self_test() != 0:
        raise MachineLacks("The C compiler of this machine does not reproduce the golden vectors.")
    shape = () if space.type == "Discrete" else space.shape

    def act(observations: NDArray[Any]) -> NDArray[Any]:
        rows = np.ascontiguousarray(observations.reshape(len(observations), -1), np.float32)
        actions = np.empty((len(rows), *shape), dtype)
        library.act(rows.ctypes.data, actions.ctypes.data, len(rows))
        return actions

    return act


def _compiled(folder: Path) -> ctypes.CDLL:
    compiler = find_compiler()
    if compiler is None:
        raise MachineLacks("There is no C compiler here. On Debian: apt-get install gcc")
    target = folder / "act.so"
    child = subprocess.run(
        [compiler, "-std=c99", "-O3", "-shared", "-fPIC", folder / "act.c", "-o", target, "-lm"],
        capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    if child.returncode != 0:
        raise MachineLacks(f"{compiler} fails: {escaped(child.stderr.strip()[:200])}")
    library = ctypes.CDLL(str(target))
    library.act.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long)
    library.act.restype = None
    library.self_test.restype = ctypes.c_int
    return library
