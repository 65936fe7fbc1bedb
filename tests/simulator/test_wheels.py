"""How wheels are built: when the build hook wants zig, and what `make wheels` refuses. Compiles nothing."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

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
    made = hook.SimulatorBuildHook()
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


def wheel(folder: Path, target: build.Target, libraries: list[bytes], page: bool = True) -> Path:
    path = folder / f"lander_rl-1.0-py3-none-{target.wheel}.whl"
    with zipfile.ZipFile(path, "w") as files:
        if page:
            files.writestr("lander_rl/browser/lander.html", "")
        for width, library in zip(target.widths, libraries, strict=True):
            files.writestr(f"lander_simulator/compiled/{build.library_name(width, target)}", library)
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
    with pytest.raises(SystemExit, match="make browser"):
        check(wheel(tmp_path, linux, [ELF_X86] * 2, page=False), linux)
