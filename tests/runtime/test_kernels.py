"""Which kernels NumPy has: fixed by the command, recorded everywhere, and a difference is said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lander_runtime import kernels
from lander_runtime.kernels import COMMON, INSTRUCTIONS, KERNEL, VARIABLE, has_avx2, kernels_here

FIXED = (
    "import lander_cli.main, sys, os; assert 'numpy' not in sys.modules\n"
    "sys.argv = ['lander', '--version']\n"
    "try: lander_cli.main.main()\n"
    "except SystemExit: pass\n"
    "from lander_runtime.kernels import kernels_here\n"
    "print(kernels_here(), os.environ.get('OPENBLAS_CORETYPE'))"
)
needs_openblas = pytest.mark.skipif(
    not has_avx2() or not kernels_here().get(KERNEL, "").startswith("OpenBLAS "),
    reason="another processor than x86-64 with AVX2, or NumPy without OpenBLAS",
)


def in_a_process(code: str, chosen: str | None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if chosen is not None:
        environment[VARIABLE] = chosen
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return found.stdout


@needs_openblas
def test_the_command_takes_the_same_kernels_on_every_machine() -> None:
    assert in_a_process(FIXED, None).endswith(f"'OpenBLAS {COMMON}', {in_short()}}} {COMMON}\n")


@needs_openblas
def test_what_the_user_chose_stays() -> None:
    assert "'OpenBLAS Sandybridge'" in in_a_process(FIXED, "Sandybridge")


def in_short() -> str:
    return f"'{INSTRUCTIONS}': {kernels_here()[INSTRUCTIONS]!r}"


def test_without_avx2_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(kernels, "has_avx2", lambda: False)
    kernels.fix_kernels()
    assert VARIABLE not in os.environ


def test_another_processor_has_no_avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels.platform, "machine", lambda: "aarch64")
    assert not has_avx2()


def test_linux_says_what_its_processor_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(kernels.sys, "platform", "linux")
    for flags, expected in (("fpu avx avx2 fma", True), ("fpu avx fma", False), ("fpu avx2", False)):
        monkeypatch.setattr(
            Path, "read_text", lambda *_, flags=flags, **__: f"vendor: x\nflags\t\t: {flags}\n"
        )
        assert has_avx2() == expected


def test_a_kernel_differs_only_where_both_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "kernels_here", lambda: {KERNEL: "OpenBLAS Haswell"})
    assert kernels.other_kernel({KERNEL: "OpenBLAS SkylakeX"}) == "OpenBLAS SkylakeX"
    assert kernels.other_kernel({KERNEL: "OpenBLAS Haswell"}) is None
    assert kernels.other_kernel({"numpy": "2.0"}) is None


def test_a_name_of_a_file_is_no_command() -> None:
    assert kernels.how_to_have("OpenBLAS Haswell") == (
        "For the same ones: OPENBLAS_CORETYPE=Haswell in the environment, before Python starts."
    )
    assert kernels.how_to_have("OpenBLAS x; rm -rf /") == ""
    assert kernels.how_to_have("accelerate") == ""
