"""Builds a wheel for each system that lander's C++ is made for, cross-compiled by zig, into dist/.

    python simulator/wheels.py [--only LINUX-OR-OTHER-TRIPLE ...] [--out dist]

Needs the standard library alone: PyPI's ziglang and build go into a temporary environment of their own. Fails
where a wheel is not built, or holds something else than its name says.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import struct
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# By its path, as the build hook has it: the package's own __init__.py wants numpy.
BUILD = runpy.run_path(str(ROOT / "simulator" / "lander_simulator" / "build.py"))

FOLDERS = {"lander_simulator": "lander_simulator", "lander_learner": "lander_trainer/learners/kernels"}
"""The packages that hold them in a wheel. The build hook knows them too, but wants hatchling, which may be
missing here."""

MACHINES = {
    ("ELF", 62): ("Linux", "x86_64"),
    ("ELF", 183): ("Linux", "aarch64"),
    ("Mach-O", 0x0100000C): ("Darwin", "aarch64"),
    ("Mach-O", 0x01000007): ("Darwin", "x86_64"),
    ("PE", 0x8664): ("Windows", "x86_64"),
}
"""What a library says of itself, in the numbers of each format's definition."""


def main() -> int:
    """Builds the wheels, looks into them and prints their names."""
    parser = argparse.ArgumentParser(description="Build a wheel for each system.")
    parser.add_argument(
        "--only", nargs="*", choices=[target.zig for target in BUILD["TARGETS"]], help="default: all of them"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        python = _environment(Path(scratch) / "venv")
        for number, target in enumerate(BUILD["TARGETS"]):
            if options.only and target.zig not in options.only:
                continue
            made = _build(python, target, Path(scratch) / str(number))
            check(made, target)
            options.out.mkdir(parents=True, exist_ok=True)
            sys.stdout.write(f"{shutil.move(made, options.out / made.name)}\n")
    return 0


def _environment(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    tools = ["build", "hatchling>=1.27", BUILD["ZIGLANG"]]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *constraints, *tools], check=True)
    return python


def _build(python: Path, target: Any, folder: Path) -> Path:
    command = [python, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    environment = {**os.environ, "LANDER_SIMULATOR_TARGET": target.zig}
    subprocess.run(list(map(str, command)), check=True, env=environment, stdout=subprocess.DEVNULL)
    (made,) = folder.glob("*.whl")
    return made


def check(wheel: Path, target: Any) -> None:
    """Ends the program where the wheel is not what `target` needs: its tag, its libraries, the web page."""
    if not wheel.stem.endswith(f"-py3-none-{target.wheel}"):
        raise SystemExit(f"{wheel.name}: expected the tag py3-none-{target.wheel}")
    with zipfile.ZipFile(wheel) as files:
        if "lander_rl/browser/lander.html" not in files.namelist():
            raise SystemExit(f"{wheel.name}: no web page in it; build it first: make browser")
        for name in libraries(target):
            if name not in files.namelist():
                raise SystemExit(f"{wheel.name}: {name} is not in it")
            machine = machine_of(files.read(name))
            if machine != (target.system, target.machine):
                raise SystemExit(f"{wheel.name}: {name} is for {machine}")


def libraries(target: Any) -> list[str]:
    """The names that all compiled libraries have in a wheel for `target`."""
    return [
        f"{folder}/compiled/{BUILD['library_name'](width, target, BUILD['Library'](name, Path(folder)))}"
        for name, folder in FOLDERS.items()
        for width in target.widths
    ]


def machine_of(library: bytes) -> tuple[str, str] | None:
    """The system and processor of a compiled library, by its first bytes; None where it is none of ours."""
    if library[:5] == b"\x7fELF\x02":
        kind = ("ELF", struct.unpack_from("<H", library, 18)[0])
    elif library[:4] == b"\xcf\xfa\xed\xfe":
        kind = ("Mach-O", struct.unpack_from("<I", library, 4)[0])
    elif library[:2] == b"MZ":
        header = struct.unpack_from("<I", library, 0x3C)[0]
        kind = ("PE", struct.unpack_from("<H", library, header + 4)[0])
    else:
        return None
    return MACHINES.get(kind)


if __name__ == "__main__":
    raise SystemExit(main())
