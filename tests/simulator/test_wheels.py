"""How wheels are built: when the build hook wants zig, and what `make wheels` refuses. Compiles nothing."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lander_simulator import build

ROOT = Path(__file__).resolve().parents[2]
ELF_X86, ELF_ARM = (b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + struct.pack("<H", kind) for kind in (62, 183))
MACH_ARM, MACH_X86 = (struct.pack("<II", 0xFEEDFACF, kind) for kind in (0x0100000C, 0x01000007))
DLL = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I4sH", 0x40, b"PE", 0x8664)


def loaded(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """hatch_build.py, where hatchling need not be installed."""
    interface = "hatchling.builders.hooks.plugin.interface"
    monkeypatch.setitem(sys.modules, interface, SimpleNamespace(BuildHookInterface=object))
    module = loaded("hatch_build.py")
    monkeypatch.setattr(module, "_build_module", lambda: build)
    monkeypatch.delenv("LANDER_SIMULATOR_TARGET", raising=False)
    return module


def wanted(hook: ModuleType, target: str = "wheel") -> list[str]:
    made = hook.CompilingBuildHook()
    made.target_name = target
    return made.dependencies()


def test_zig_is_fetched_only_where_it_is_needed(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "system_compiler", lambda: ["c++"])
    assert wanted(hook) == []
    monkeypatch.setenv("LANDER_SIMULATOR_TARGET", build.TARGETS[1].zig)
    assert wanted(hook) == [build.ZIGLANG]
    monkeypatch.delenv("LANDER_SIMULATOR_TARGET")
    monkeypatch.setattr(build, "system_compiler", lambda: None)
    assert wanted(hook) == [build.ZIGLANG]
    assert wanted(hook, "sdist") == []
    # The simulator is not made for it and PyPI may have no ziglang for it; the rest must install.
    monkeypatch.setattr(build.platform, "machine", lambda: "s390x")
    assert wanted(hook) == []


NAMES = {
    "lander_simulator": "lander_simulator/compiled/lander_simulator_w{}",
    "lander_learner": "lander_trainer/learners/kernels/compiled/lander_learner_w{}",
}
SUFFIXES = {"Linux": ".so", "Darwin": ".dylib", "Windows": ".dll"}


def made(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, failing: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[str]]:
    """What a wheel's build is told, and the warnings. Libraries are compiled by name only."""

    def compile_all(
        target: build.Target | None, folder: Path, library: build.Library, **_: Any
    ) -> list[Path]:
        if library.name in failing:
            raise build.CompilationFailed("no compiler")
        assert (library.sources / "interface.cpp").is_file()
        target = target or build.TARGETS[0]
        return [folder / build.library_name(width, target, library) for width in target.widths]

    monkeypatch.setattr(build, "compile_all", compile_all)
    building, warnings = hook.CompilingBuildHook(), []
    building.target_name = "wheel"
    building.app = SimpleNamespace(display_warning=warnings.append)
    data: dict[str, Any] = {"force_include": {}}
    try:
        building.initialize("standard", data)
    finally:
        building.finalize("standard", data, "")
    return data, warnings


def libraries_in(data: dict[str, Any]) -> set[str]:
    return {name for name in data["force_include"].values() if "/compiled/" in name}


def test_a_wheel_gets_both_libraries(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    check = loaded("simulator/wheels.py")
    for target in build.TARGETS:
        monkeypatch.setenv("LANDER_SIMULATOR_TARGET", target.zig)
        data, warnings = made(hook, monkeypatch)
        names = {
            name.format(width) + SUFFIXES[target.system] for name in NAMES.values() for width in target.widths
        }
        assert libraries_in(data) == set(check.libraries(target)) == names
        assert (data["tag"], data["pure_python"]) == (f"py3-none-{target.wheel}", False)
        assert not warnings


def test_without_a_compiler_the_install_goes_on(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    data, warnings = made(hook, monkeypatch, failing=tuple(NAMES))
    assert not libraries_in(data)
    assert "tag" not in data
    assert [text.partition(",")[0] for text in warnings] == [
        "LunarLander's physics were not compiled", "The learner was not compiled",
    ]  # fmt: skip
    data, warnings = made(hook, monkeypatch, failing=("lander_learner",))
    assert all(name.startswith("lander_simulator/") for name in libraries_in(data))
    assert data["tag"] != "py3-none-any"
    assert len(warnings) == 1
    monkeypatch.setenv("LANDER_SIMULATOR_TARGET", build.TARGETS[0].zig)
    with pytest.raises(build.CompilationFailed):
        made(hook, monkeypatch, failing=("lander_learner",))


def wheel(
    folder: Path, target: build.Target, libraries: list[bytes], page: bool = True, without: str = ""
) -> Path:
    path = folder / f"lander_rl-1.0-py3-none-{target.wheel}.whl"
    with zipfile.ZipFile(path, "w") as files:
        if page:
            files.writestr("lander_rl/browser/lander.html", "")
        for name in (name for library, name in NAMES.items() if library != without):
            for width, library in zip(target.widths, libraries, strict=True):
                files.writestr(name.format(width) + SUFFIXES[target.system], library)
    return path


def test_a_wheel_holds_what_its_name_says(tmp_path: Path) -> None:
    check = loaded("simulator/wheels.py").check
    libraries = [[ELF_X86] * 2, [ELF_ARM], [MACH_ARM], [MACH_X86] * 2, [DLL] * 2]
    for target, right in zip(build.TARGETS, libraries, strict=True):
        check(wheel(tmp_path, target, right), target)
        for other in build.TARGETS:
            if other != target:
                with pytest.raises(SystemExit, match="expected the tag"):
                    check(wheel(tmp_path, target, right), other)
    linux = build.TARGETS[0]
    for wrong in (ELF_ARM, MACH_X86, b"text"):
        with pytest.raises(SystemExit, match=r"w8\.so is for"):
            check(wheel(tmp_path, linux, [ELF_X86, wrong]), linux)
    for missing in NAMES:
        with pytest.raises(SystemExit, match=rf"{missing}_w4\.so is not in it"):
            check(wheel(tmp_path, linux, [ELF_X86] * 2, without=missing), linux)
    with pytest.raises(SystemExit, match="make browser"):
        check(wheel(tmp_path, linux, [ELF_X86] * 2, page=False), linux)
