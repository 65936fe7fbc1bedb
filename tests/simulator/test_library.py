"""Finding, loading and compiling the library; these tests run without one, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lander_simulator import LunarLanderBatch, SimulatorUnavailable, build, library, why_unavailable


@pytest.fixture
def nothing_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(library, "COMPILED", tmp_path)
    library.load.cache_clear()
    library._load.cache_clear()
    yield tmp_path
    library.load.cache_clear()
    library._load.cache_clear()


def test_a_missing_library_is_explained(nothing_compiled: Path) -> None:
    with pytest.raises(SimulatorUnavailable, match=r"not compiled.*python -m lander_simulator\.build"):
        LunarLanderBatch(1)
    assert "not compiled" in (why_unavailable() or "")


def test_a_broken_library_is_explained(nothing_compiled: Path) -> None:
    (nothing_compiled / library.file_name(4)).write_bytes(b"no library")
    assert "does not load here" in (why_unavailable() or "")


def test_no_compiler_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "system_compiler", lambda: None)
    monkeypatch.setattr(build, "zig_compiler", lambda: None)
    with pytest.raises(build.CompilationFailed, match="pip install ziglang"):
        build.compile_all(folder=tmp_path)


def test_a_compiler_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(build.CompilationFailed, match="failed with status"):
        build.compile_library(
            build.this_machine(), 4, tmp_path, [sys.executable, "-c", "raise SystemExit(3)"]
        )
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_refuses_is_a_failed_compilation_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The build hook goes on without the simulator after this error; any other ends the installation.
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    with pytest.raises(build.CompilationFailed, match="no-compiler"):
        build.compile_all(folder=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(build.CompilationFailed, match="file"):
        build.compile_library(build.this_machine(), 4, tmp_path / "file", [sys.executable, "-c", ""])
    with pytest.raises(build.CompilationFailed, match=r"lander_simulator_w4"):  # it ends well, without a file
        build.compile_library(build.this_machine(), 4, tmp_path, [sys.executable, "-c", ""])


def test_zig_keeps_its_cache_for_one_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in for the compiler, which writes down where zig would keep its own library.
    where = "os.environ['ZIG_GLOBAL_CACHE_DIR']"
    program = f"import os, sys; open(sys.argv[sys.argv.index('-o') + 1], 'w').write({where})"
    monkeypatch.setattr(build, "zig_compiler", lambda: [sys.executable, "-c", program])
    monkeypatch.delenv("ZIG_GLOBAL_CACHE_DIR", raising=False)
    made = build.compile_all(build.TARGETS[0], tmp_path, with_zig=True)
    assert [path.name for path in made] == ["lander_simulator_w4.so", "lander_simulator_w8.so"]
    (cache,) = {path.read_text() for path in made}
    assert not Path(cache).exists()
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", "/my/own")
    made = build.compile_all(build.TARGETS[0], tmp_path, with_zig=True)
    assert {path.read_text() for path in made} == {"/my/own"}


def test_where_the_compiler_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda name: f"/bin/{name}" if name == "g++" else None)
    monkeypatch.setattr(build.platform, "system", lambda: "Linux")
    monkeypatch.delenv("CXX", raising=False)
    assert build.system_compiler() == ["/bin/g++"]
    # MinGW's GCC misplaces AVX's vectors, so zig's clang compiles on Windows, if the user names no other.
    monkeypatch.setattr(build.platform, "system", lambda: "Windows")
    assert build.system_compiler() is None
    monkeypatch.setenv("CXX", "ccache 'a compiler' -m64")
    assert build.system_compiler() == ["ccache", "a compiler", "-m64"]


def test_names_per_system() -> None:
    assert library.file_name(4, "Linux") == "lander_simulator_w4.so"
    assert library.file_name(4, "Darwin") == "lander_simulator_w4.dylib"
    assert library.file_name(8, "Windows") == "lander_simulator_w8.dll"


def test_the_core_needs_numpy_alone() -> None:
    program = (
        "import sys, lander_simulator\n"
        "theirs = {name.split('.')[0] for name in sys.modules}\n"
        "assert not theirs & {'gymnasium', 'torch', 'onnxruntime', 'scipy', 'lander_runtime'}, theirs\n"
    )
    package = Path(library.__file__).parents[1]
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(package)})
