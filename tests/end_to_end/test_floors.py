"""The floors at run time: what imports what in a fresh interpreter. `make lint` holds the source to it."""

import subprocess
import sys

import pytest


def loaded_after_all_of(package: str) -> set[str]:
    """Every module in a fresh interpreter that has imported all modules of `package`."""
    code = f"""if True:
        import importlib, pkgutil, sys, warnings
        warnings.simplefilter("ignore")  # Box2D's bindings warn while they are imported.
        package = importlib.import_module({package!r})
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
        print(*sys.modules)
    """
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert child.returncode == 0, child.stderr
    return set(child.stdout.split())


@pytest.mark.parametrize(
    ("package", "some_module", "never"),
    [
        (
            "lander_runtime",
            "lander_runtime.envs.known.lunar_lander",
            {"torch", "lander_trainer", "rich", "typer"},
        ),
        (
            "lander_cli",
            "lander_cli.commands.training.train",
            {"torch", "gymnasium", "onnxruntime", "lander_trainer"},
        ),
    ],
)
def test_no_module_of_a_floor_brings_in_what_is_not_its_own(
    package: str, some_module: str, never: set[str]
) -> None:
    loaded = loaded_after_all_of(package)
    assert some_module in loaded
    assert loaded & never == set()
