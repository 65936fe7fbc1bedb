"""Builds LunarLander's physics for the browser, and the page around it, into build/browser/.

    python examples/browser/build.py          what `make browser` runs

Box2D's C++ comes from the source distribution of `box2d-py` on PyPI, the compiler from PyPI's `ziglang`; pip
fetches both into a temporary folder. Needs the standard library alone. What is newer than its sources is not
built again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from page import assemble  # noqa: E402

BUILT = ROOT / "build" / "browser"
PHYSICS = BUILT / "lander.wasm"
PAGE = BUILT / "lander.html"
LICENCE = BUILT / "BOX2D-LICENSE.txt"

BOX2D = "box2d-py==2.3.8"
"""Its C++ is that of `box2d` 2.3.10, which Gymnasium installs and which has no source distribution."""
BOX2D_SHA256 = "bdacfbbc56079bb317548efe49d3d5a86646885cc27f4a2ee97e4b2960921ab7"
ZIG = "ziglang==0.17.1"

FLAGS = (
    "-target", "wasm32-wasi",  # for its headers: no C library is linked
    "-mcpu=generic+bulk_memory",
    "-std=c++11",
    "-O2",
    "-DNDEBUG",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-c++-static-destructors",
    "-fno-math-errno",
    # Bits: every operation is rounded by itself, and a sine is ours also where its argument is a constant.
    "-ffp-contract=off",
    "-fno-builtin-sinf",
    "-fno-builtin-cosf",
)  # fmt: skip
EXPORTS = ("random_heights", "ground_heights", "state_numbers", "reset", "set_wind", "step", "sinf", "cosf")


def main() -> int:
    """Builds what is missing or older than its sources, and names the files."""
    BUILT.mkdir(parents=True, exist_ok=True)
    if _is_older(PHYSICS, [*(HERE / "physics").iterdir(), Path(__file__)]):
        with tempfile.TemporaryDirectory() as scratch:
            box2d = _box2d(Path(scratch))
            shutil.copyfile(box2d / "LICENSE", LICENCE)
            _compile(box2d, Path(scratch))
    sources = [*HERE.glob("*.*"), *(HERE / "src").iterdir(), *(ROOT / "examples/node").rglob("*.js")]
    policy = ROOT / "models" / "lunarlander-v3" / "policy.onnx"
    if _is_older(PAGE, [PHYSICS, policy, *sources]):
        PAGE.write_text(assemble(PHYSICS.read_bytes(), policy, LICENCE.read_text("utf-8")), encoding="utf-8")
    for path in (PHYSICS, PAGE):
        sys.stdout.write(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes\n")
    return 0


def _is_older(built: Path, sources: Iterable[Path]) -> bool:
    return not built.is_file() or built.stat().st_mtime < max(path.stat().st_mtime for path in sources)


def _box2d(scratch: Path) -> Path:
    """The unpacked source distribution, without what it needs of Python."""
    requirement = scratch / "box2d.txt"
    requirement.write_text(f"{BOX2D} --hash=sha256:{BOX2D_SHA256}\n", encoding="utf-8")
    options = ("--no-deps", "--no-binary", ":all:", "--require-hashes", "--dest", scratch, "-r", requirement)
    _pip("download", *options)
    (archive,) = scratch.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(scratch, filter="data")
    sources = scratch / archive.name.removesuffix(".tar.gz")
    settings = sources / "Box2D" / "Common" / "b2Settings.h"
    text = settings.read_text("utf-8")
    # Its assertions raise Python's exceptions.
    assert text.count("#define USE_EXCEPTIONS") == 1
    settings.write_text(text.replace("#define USE_EXCEPTIONS", ""), encoding="utf-8")
    return sources


def _compile(box2d: Path, scratch: Path) -> None:
    _pip("install", "--target", scratch / "tools", "--no-deps", ZIG)
    ours = sorted((HERE / "physics").glob("*.cpp"))
    # Ropes are no part of a world, and b2Settings.cpp is what memory.cpp replaces.
    theirs = sorted(
        path
        for path in (box2d / "Box2D").rglob("*.cpp")
        if path.parent.name != "Rope" and path.name != "b2Settings.cpp"
    )
    objects = []
    for name, sources in (("box2d", theirs), ("lander", ours)):
        # One translation unit: 45 would read the same headers 45 times.
        unit, made = scratch / f"{name}.cpp", scratch / f"{name}.o"
        unit.write_text("".join(f'#include "{path}"\n' for path in sources), encoding="utf-8")
        _zig(scratch, "c++", *FLAGS, f"-I{box2d}", f"-I{HERE / 'physics'}", "-c", unit, "-o", made)
        objects.append(made)
    exported = [f"--export={name}" for name in EXPORTS]
    linked = BUILT / "lander.wasm.part"
    _zig(scratch, "wasm-ld", "--no-entry", "--strip-all", "--gc-sections", *exported, *objects, "-o", linked)
    linked.replace(PHYSICS)


def _pip(command: str, *options: object) -> None:
    words = [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check"]
    subprocess.run([*words, *map(str, options)], check=True)


def _zig(scratch: Path, *words: object) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(scratch / "tools"),
        "ZIG_GLOBAL_CACHE_DIR": str(scratch / "cache"),
    }
    subprocess.run([sys.executable, "-m", "ziglang", *map(str, words)], check=True, env=environment)


if __name__ == "__main__":
    raise SystemExit(main())
