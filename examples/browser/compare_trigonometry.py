"""Compares sinf and cosf of the physics with the C library's, for every float from -120 to 120.

    python examples/browser/compare_trigonometry.py          2 x 2.2 thousand million results, a minute or two

Needs Linux with the GNU C library and a C++ compiler. CI compares a sample, through the WebAssembly itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "physics" / "trigonometry.cpp"

PROGRAM = """
#define sinf our_sinf
#define cosf our_cosf
#include "{source}"
#undef sinf
#undef cosf
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

static uint32_t bits(float x) {{ uint32_t b; memcpy(&b, &x, 4); return b; }}

int main() {{
    uint64_t compared = 0, differ = 0;
    for (uint32_t sign = 0; sign <= 1; sign++)
        for (uint32_t b = 0; b <= bits(120.0f); b++) {{
            const uint32_t with_sign = b | sign << 31;
            float x;
            memcpy(&x, &with_sign, 4);
            compared++;
            differ += bits(our_sinf(x)) != bits(sinf(x));
            differ += bits(our_cosf(x)) != bits(cosf(x));
        }}
    printf("%llu floats, %llu results differ\\n", (unsigned long long)compared, (unsigned long long)differ);
    return differ != 0;
}}
"""


def main() -> int:
    """Compiles and runs the comparison; exits with 1 where a result differs."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None or not os.confstr("CS_GNU_LIBC_VERSION"):
        sys.stderr.write("This needs the GNU C library and a C++ compiler.\n")
        return 4
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch) / "compare.cpp", Path(scratch) / "compare"
        source.write_text(PROGRAM.format(source=SOURCE), encoding="utf-8")
        options = ["-O2", "-ffp-contract=off", "-fno-builtin", "-o", program, source]
        subprocess.run([compiler, *options], check=True)
        sys.stdout.write(f"{os.confstr('CS_GNU_LIBC_VERSION')}: ")
        sys.stdout.flush()
        return subprocess.run([program], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
