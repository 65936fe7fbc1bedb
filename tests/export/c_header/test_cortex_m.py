"""A policy on a Cortex-M4 without an operating system: the self-test in an emulator, and the sizes."""

import re
import subprocess
from pathlib import Path

import pytest

from c_programs import HERE, compiler, header_of_file

ROOT = Path(__file__).parents[3]

FLAGS = [
    "-std=c99", "-O2", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16",
    "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion",
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "constants"),
    [("models/lunarlander-v3/policy.onnx", 4996), ("tests/data/tiny-continuous.onnx", 178)],
)
def test_the_self_test_passes_without_a_c_library(policy: str, constants: int, tmp_path: Path) -> None:
    gcc, emulator = compiler("arm-none-eabi-gcc"), compiler("qemu-system-arm")
    (tmp_path / "policy.h").write_text(header_of_file(ROOT / policy).text, encoding="ascii")
    program = tmp_path / "policy.elf"
    subprocess.run(
        [gcc, *FLAGS, f"-I{tmp_path}", HERE / "cortex_m4.c", "-nostdlib", f"-T{HERE / 'cortex_m4.ld'}",
         "-o", program, "-lgcc"],
        check=True, timeout=60,
    )  # fmt: skip
    child = subprocess.run(
        [emulator, "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none",
         "-semihosting-config", "enable=on,target=native", "-kernel", program],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (child.returncode, child.stdout + child.stderr) == (0, "passed\n")
    sizes = subprocess.run(["arm-none-eabi-size", "-A", program], capture_output=True, text=True, check=True)
    found = {name: int(size) for name, size in re.findall(r"^(\.\w+)\s+(\d+)", sizes.stdout, re.MULTILINE)}
    # No code but the network's own, no writable memory, weights of four bytes and the golden vectors.
    assert found[".text"] < 2500
    assert not found.get(".data")
    assert not found.get(".bss")
    assert 4 * constants <= found[".rodata"] < 4 * constants + 2000
