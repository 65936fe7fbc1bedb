"""Compiles C++ sources into `compiled/`, with the system's compiler or with zig's from PyPI.

Those of the simulator, and by the same rules those of the trainer's learner. Needs the standard library
alone: the project's build hook runs this file before anything is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SOURCES = PACKAGE / "src"
COMPILED = PACKAGE / "compiled"


@dataclass(frozen=True)
class Library:
    """C++ sources that become one library for each vector width."""

    name: str
    folder: Path
    """Holds the sources, `src/interface.cpp` and what it includes, and `compiled/` for the libraries."""

    @property
    def sources(self) -> Path:
        return self.folder / "src"

    @property
    def compiled(self) -> Path:
        return self.folder / "compiled"


SIMULATOR = Library("lander_simulator", PACKAGE)

ZIGLANG = "ziglang==0.17.1"
"""One release, so that a wheel does not depend on the day it is built on."""

FLAGS = (
    "-std=c++17",
    "-O3",
    # Bits: every operation is rounded by itself. The other two change no result, only what is kept of errno
    # and flags.
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-shared",
    f"-I{SOURCES}",
)

# As -mavx2, but told to clang alone: for each processor that zig knows of, it compiles its C++ library anew,
# a minute of processor time.
AVX2_OF_ZIG = ("-Xclang", "-target-feature", "-Xclang", "+avx2")


class CompilationFailed(RuntimeError):
    """No compiler was found, or it refused the sources; the message holds its last lines."""


@dataclass(frozen=True)
class Target:
    """What is compiled for: an operating system and a processor, and how zig calls the two."""

    system: str
    """As `platform.system()`: Linux, Darwin or Windows."""
    machine: str
    """x86_64 or aarch64."""
    zig: str
    """zig's triple."""
    wheel: str
    """The wheel's platform tag."""

    @property
    def widths(self) -> tuple[int, ...]:
        """The vector widths worth having: AVX2's 8 only exists on x86-64."""
        return (4, 8) if self.machine == "x86_64" else (4,)


TARGETS = (
    Target("Linux", "x86_64", "x86_64-linux-gnu.2.17", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
    Target("Linux", "aarch64", "aarch64-linux-gnu.2.17", "manylinux_2_17_aarch64.manylinux2014_aarch64"),
    Target("Darwin", "aarch64", "aarch64-macos.11.0", "macosx_11_0_arm64"),
    Target("Darwin", "x86_64", "x86_64-macos.11.0", "macosx_11_0_x86_64"),
    Target("Windows", "x86_64", "x86_64-windows-gnu", "win_amd64"),
)


def this_machine() -> Target:
    """The target that the running Python is on.

    Raises:
        CompilationFailed: the sources were never tried on this system and processor.
    """
    machine = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}.get(
        platform.machine().lower(), platform.machine()
    )
    for target in TARGETS:
        if (target.system, target.machine) == (platform.system(), machine):
            return target
    raise CompilationFailed(f"lander's C++ is not made for {platform.system()} on {machine}")


def system_compiler() -> list[str] | None:
    """The machine's own C++ compiler ($CXX, else c++, g++ or clang++), or None; on Windows $CXX alone."""
    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"])
    if platform.system() == "Windows":
        # GCC keeps AVX's vectors on a stack that is not aligned for them there (its bug 54412), and what it
        # makes needs its runtime's DLLs, which ctypes does not look for.
        return None
    for name in ("c++", "g++", "clang++"):
        if path := shutil.which(name):
            return [path]
    return None


def zig_compiler() -> list[str] | None:
    """Clang as PyPI's `ziglang` brings it, or None where that is not installed."""
    return [sys.executable, "-m", "ziglang", "c++"] if importlib.util.find_spec("ziglang") else None


def library_name(width: int, target: Target, library: Library = SIMULATOR) -> str:
    """What the library of one width is called."""
    suffix = {"Windows": "dll", "Darwin": "dylib"}.get(target.system, "so")
    return f"{library.name}_w{width}.{suffix}"


def compile_library(
    target: Target,
    width: int,
    folder: Path,
    compiler: list[str] | None = None,
    zig: bool | None = None,
    cache: Path | None = None,
    library: Library = SIMULATOR,
) -> Path:
    """Compiles `library` in vectors of `width` floats for `target` into `folder` and returns its path.

    `compiler`: the command's first words; default: the system's, else zig's. `zig`: whether it is zig's,
    which cross-compiles. `cache`: where zig keeps its C++ library for the next width; default: where it
    always does. An existing library is replaced at once, never half written.

    Raises:
        CompilationFailed: see there.
    """
    if compiler is None:
        compiler, zig = system_compiler(), False
        if compiler is None:
            compiler, zig = zig_compiler(), True
        if compiler is None:
            raise CompilationFailed("no C++ compiler: install one, or PyPI's ziglang (`pip install ziglang`)")
    name = library_name(width, target, library)
    flags = [*FLAGS, f"-I{library.sources}", f"-DLANDER_WIDTH={width}"]
    if zig:
        flags += ["-target", target.zig, "-mcpu=baseline", "-s"]
    if width == 8:
        flags += AVX2_OF_ZIG if zig else ["-mavx2"]
    if target.system != "Windows":
        flags += ["-fPIC", "-pthread"]
    if target.system == "Darwin":
        flags += [f"-Wl,-install_name,@rpath/{name}"]  # else the path of this machine's temporary folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch) / name
            _run([*compiler, *flags, "-o", str(made), str(library.sources / "interface.cpp")], cache)
            made.replace(folder / name)
    except OSError as error:  # $CXX that is not there, a folder that cannot be written, a full disk
        raise CompilationFailed(str(error)) from error
    return folder / name


def _run(command: list[str], cache: Path | None) -> None:
    # zig's lasting cache is of no use to pip's environments, whose paths are other ones each time, and grows.
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(cache), **os.environ} if cache else None
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode != 0:
        last = "\n".join((result.stderr or result.stdout).strip().splitlines()[-8:])
        raise CompilationFailed(f"{command[0]} failed with status {result.returncode}:\n{last}")


def compile_all(
    target: Target | None = None,
    folder: Path | None = None,
    *,
    with_zig: bool = False,
    library: Library = SIMULATOR,
    cache: Path | None = None,
) -> list[Path]:
    """Compiles every width of `library` for `target` (default: this machine, into the package itself).

    `cache`: as `compile_library`'s, for another library after this one; default: for this one alone.

    Raises:
        CompilationFailed: see there.
    """
    target = target or this_machine()
    compiler = zig_compiler() if with_zig else None
    if with_zig and compiler is None:
        raise CompilationFailed("PyPI's ziglang is not installed: `pip install ziglang`")
    into = folder or library.compiled
    with tempfile.TemporaryDirectory() as own:
        return [
            compile_library(
                target, width, into, compiler, with_zig or None, cache or Path(own), library=library
            )
            for width in target.widths
        ]


def older_than_the_sources(target: Target | None = None, library: Library = SIMULATOR) -> list[str]:
    """The names of this machine's files that are missing, or older than the sources or this file."""
    sources = {*SOURCES.rglob("*.[hc]pp"), *library.sources.rglob("*.[hc]pp"), Path(__file__)}
    newest = max(path.stat().st_mtime for path in sources)
    target = target or this_machine()
    paths = [library.compiled / library_name(width, target, library) for width in target.widths]
    return [path.name for path in paths if not path.is_file() or path.stat().st_mtime < newest]


def main(library: Library = SIMULATOR, description: str = "Compile LunarLander's physics.") -> int:
    """`python -m lander_simulator.build`: compiles for this machine and names the files."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--zig", action="store_true", help="use PyPI's ziglang also where there is another compiler"
    )
    options = parser.parse_args()
    try:
        for path in compile_all(with_zig=options.zig, library=library):
            sys.stdout.write(f"{path}\n")
    except CompilationFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
