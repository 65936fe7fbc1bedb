"""The build hook: compiles LunarLander's physics for the wheel or the editable install that is being made.

It also packs the web page that `make browser` built, if it is there.

With the system's C++ compiler, else with the one in PyPI's `ziglang`, which is asked for only then. Where
compiling fails, the install goes on without the simulator and says so; `make wheels`, which names its target
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


class SimulatorBuildHook(BuildHookInterface):
    """Adds `lander_simulator/compiled/` and the wheel's platform tag."""

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
            # pip makes an editable wheel twice, the first time for its metadata.
            self._compile(build, lambda: build.compile_all() if build.older_than_the_sources() else [])
            return
        build_data["force_include"].update(_web_page())
        name = _wheel_target()
        target = next((target for target in build.TARGETS if target.zig == name), None)
        if name and target is None:
            raise ValueError(
                f"LANDER_SIMULATOR_TARGET={name} is none of {[target.zig for target in build.TARGETS]}"
            )
        self._scratch = tempfile.TemporaryDirectory()
        folder = Path(self._scratch.name)
        compiled = self._compile(
            build, lambda: build.compile_all(target, folder, with_zig=target is not None)
        )
        if compiled:
            build_data["force_include"].update(
                {str(path): f"lander_simulator/compiled/{path.name}" for path in compiled}
            )
            platform = (
                target.wheel if target else sysconfig.get_platform().replace("-", "_").replace(".", "_")
            )
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what was compiled beside the tree."""
        if hasattr(self, "_scratch"):
            self._scratch.cleanup()

    def _compile(self, build: ModuleType, work: Any) -> list[Path]:
        try:
            return work()
        except build.CompilationFailed as error:
            if _wheel_target():
                raise
            self.app.display_warning(
                f"LunarLander's physics were not compiled, so training will use Gymnasium's: {error}"
            )
            return []


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
