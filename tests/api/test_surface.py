"""The public names, and what importing them costs."""

import subprocess
import sys
import types

import pytest

import lander_rl

HEAVY = {"torch", "gymnasium", "onnxruntime", "onnx", "numpy", "rich", "typer", "matplotlib", "PIL"}


def loaded_after(code: str) -> set[str]:
    """The top-level modules of a fresh interpreter that has run `code`."""
    report = "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + report],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert child.stderr == ""
    return set(child.stdout.split())


def test_importing_is_light() -> None:
    assert loaded_after("import lander_rl").isdisjoint(HEAVY | {"lander_trainer", "lander_export"})


@pytest.mark.parametrize(
    "names", ["TrainRequest, ResumeRequest, ExportRequest, PlotRequest", "TrainObserver", "UsageError"]
)
def test_requests_observers_and_errors_load_nothing_heavy(names: str) -> None:
    assert loaded_after(f"from lander_rl import {names}").isdisjoint(HEAVY)


@pytest.mark.parametrize("name", ["models", "environments", "settings"])
def test_what_there_is_can_be_listed_without_pytorch(name: str) -> None:
    loaded = loaded_after(f"import lander_rl; repr(lander_rl.{name}())")
    assert loaded.isdisjoint({"torch", "gymnasium", "onnxruntime", "onnx", "matplotlib"})


def test_importing_takes_less_than_150_milliseconds() -> None:
    """The best of five in fresh interpreters, since other work may slow one of them down."""
    code = "import time; t = time.perf_counter(); import lander_rl; print(time.perf_counter() - t)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    assert min(times) < 0.15


def test_every_public_name_is_there_and_no_module_hides_one() -> None:
    """Python sets `lander_rl.x` to the submodule x when that is imported: no public name may be one."""
    code = """if True:
        import importlib, pkgutil, types
        import lander_rl
        for module in pkgutil.walk_packages(lander_rl.__path__, "lander_rl."):
            importlib.import_module(module.name)
        for name in lander_rl.__all__:
            assert not isinstance(getattr(lander_rl, name), types.ModuleType), name
    """
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert child.returncode == 0, child.stderr
    assert len(set(lander_rl.__all__)) == len(lander_rl.__all__)


def test_other_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="'lander_rl' has no attribute 'trian'"):
        lander_rl.trian  # noqa: B018


def test_every_public_function_and_class_is_described() -> None:
    for name in lander_rl.__all__:
        one = getattr(lander_rl, name)
        assert isinstance(one, type | types.FunctionType)
        assert one.__doc__, name
