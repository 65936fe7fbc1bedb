"""The build hook: compiles LunarLander's physics and the learner for the wheel or the editable install.

It also packs the web page that `make browser` built, if it is there.

With the system's C++ compiler, else with the one in PyPI's `ziglang`, which is asked for only then. Where
compiling fails, the install goes on without the two and says so; `make wheels`, which names its target
in LANDER_SIMULATOR_TARGET, fails instead.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARIES = {
    "lander_simulator": Path("simulator", "lander_simulator"),
    "lander_learner": Path("trainer", "lander_trainer", "learners", "kernels"),
}
"""What is compiled, and the packages that the sources are in."""

WITHOUT = {
    "lander_simulator": "LunarLander's physics were not compiled, so training will use Gymnasium's",
    "lander_learner": "The learner was not compiled, so NumPy will compute the updates",
}


class CompilingBuildHook(BuildHookInterface):
    """Adds the folders `compiled/` of both packages, and the wheel's platform tag."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """PyPI's ziglang where it is needed to compile; nothing else."""
        build = _build_module()
        return [build.ZIGLANG] if self.target_name == "wheel" and _needs_zig(build) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles into the source tree for an editable install, else beside it and into the wheel."""
        if self.target_name != "wheel":
            return
        build = _build_module()
        if version == "editable":
            for library in _libraries(build):
                # pip makes an editable wheel twice, the first time for its metadata.
                if build.older_than_the_sources(library=library):
                    self._compile(build, library)
            return
        build_data["force_include"].update(_web_page())
        name = _wheel_target()
        target = next((target for target in build.TARGETS if target.zig == name), None)
        if name and target is None:
            raise ValueError(
                f"LANDER_SIMULATOR_TARGET={name} is none of {[target.zig for target in build.TARGETS]}"
            )
        self._scratch = tempfile.TemporaryDirectory()
        scratch = Path(self._scratch.name)
        options = {"target": target, "folder": scratch / "compiled", "cache": scratch / "cache"}
        included = {
            str(path): f"{_package(library)}/compiled/{path.name}"
            for library in _libraries(build)
            for path in self._compile(build, library, with_zig=target is not None, **options)
        }
        if included:
            build_data["force_include"].update(included)
            platform = (
                target.wheel if target else sysconfig.get_platform().replace("-", "_").replace(".", "_")
            )
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what was compiled beside the tree."""
        if hasattr(self, "_scratch"):
            self._scratch.cleanup()

    def _compile(self, build: ModuleType, library: Any, **options: Any) -> list[Path]:
        try:
            return build.compile_all(library=library, **options)
        except build.CompilationFailed as error:
            if _wheel_target():
                raise
            self.app.display_warning(f"{WITHOUT[library.name]}: {error}")
            return []


def _libraries(build: ModuleType) -> list[Any]:
    root = Path(__file__).parent
    return [build.Library(name, root / folder) for name, folder in LIBRARIES.items()]


def _package(library: Any) -> str:
    """The library's package as a path in a wheel: in the tree it lies in a top folder beside others."""
    return Path(*LIBRARIES[library.name].parts[1:]).as_posix()


def _web_page() -> dict[str, str]:
    """The built page and the licence of the physics in it; nothing is built here, since that downloads."""
    built = Path(__file__).parent / "build" / "browser"
    names = ("lander.html", "BOX2D-LICENSE.txt")
    if not all((built / name).is_file() for name in names):
        return {}
    return {str(built / name): f"lander_rl/browser/{name}" for name in names}


def _needs_zig(build: ModuleType) -> bool:
    if _wheel_target():
        return True
    try:
        build.this_machine()
    except build.CompilationFailed:  # nothing is compiled here, and PyPI may have no ziglang for it
        return False
    return build.system_compiler() is None


def _wheel_target() -> str:
    return os.environ.get("LANDER_SIMULATOR_TARGET", "")


def _build_module() -> ModuleType:
    """`lander_simulator.build`, loaded by its path: nothing is installed yet, numpy included."""
    path = Path(__file__).parent / "simulator" / "lander_simulator" / "build.py"
    spec = importlib.util.spec_from_file_location("lander_simulator_build", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
