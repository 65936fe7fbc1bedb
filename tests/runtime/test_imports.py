"""The public surface, and what importing it costs: numpy and ONNX Runtime, and those only when used."""

import subprocess
import sys
from pathlib import Path

import pytest

import lander_runtime

HEAVY = ["Box2D", "PIL", "gymnasium", "imageio", "matplotlib", "onnx", "onnxscript", "rich", "torch", "typer"]


def modules_after(code: str, *arguments: object) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `code`."""
    report = "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + report, *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert child.stderr == ""
    return set(child.stdout.split())


def test_embedding_needs_numpy_and_onnxruntime_only(tiny_discrete: Path) -> None:
    """Loading, acting, drawing and the self test included, not only the import."""
    loaded = modules_after(
        "import sys, numpy\n"
        "from lander_runtime import Policy\n"
        "policy = Policy.load(sys.argv[1])\n"
        "policy.act(numpy.zeros(8, numpy.float32), numpy.random.default_rng(0))\n"
        "policy.self_test()",
        tiny_discrete,
    )
    assert {"numpy", "onnxruntime"} <= loaded
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint(["lander_trainer", "lander_export", "lander_cli"])


def test_an_error_class_costs_nothing() -> None:
    loaded = modules_after("from lander_runtime import LanderError, UsageError")
    assert loaded.isdisjoint([*HEAVY, "numpy", "onnxruntime"])


def test_reading_metadata_needs_no_onnxruntime() -> None:
    assert modules_after("from lander_runtime import PolicyInfo").isdisjoint([*HEAVY, "onnxruntime"])


def test_evaluating_needs_gymnasium_and_never_torch(tiny_discrete: Path) -> None:
    loaded = modules_after(
        "import sys, warnings\n"
        "warnings.simplefilter('ignore')  # Box2D's bindings warn while they are imported.\n"
        "from lander_runtime import Policy, evaluate\n"
        "evaluate(Policy.load(sys.argv[1]), episodes=1)",
        tiny_discrete,
    )
    assert "gymnasium" in loaded
    assert loaded.isdisjoint(["torch", "onnx", "matplotlib", "PIL"])


def test_without_onnxruntime_the_error_says_what_to_install() -> None:
    """`sys.modules[name] = None` is Python's own way of having a module be absent."""
    code = """if True:
        import sys
        sys.modules["onnxruntime"] = None
        from lander_runtime import MachineLacks, PolicyInfo
        try:
            from lander_runtime import Policy
        except MachineLacks as error:
            assert "pip install 'lander-rl[cpu]'" in str(error), error
            assert error.exit_code == 4
            sys.exit(4)
    """
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 4


def test_the_public_names_are_these() -> None:
    assert lander_runtime.__all__ == [
        "CheckFailed",
        "EnvSpec",
        "EnvironmentFailed",
        "InputRefused",
        "LanderError",
        "MachineLacks",
        "Policy",
        "PolicyInfo",
        "UsageError",
        "evaluate",
    ]


def test_a_public_name_is_itself_whatever_was_imported_before() -> None:
    """Python sets `lander_runtime.x` to the submodule x when that is imported: no public name may be one."""
    code = """if True:
        import importlib, pkgutil, types
        import lander_runtime
        for module in pkgutil.iter_modules(lander_runtime.__path__):
            importlib.import_module(f"lander_runtime.{module.name}")
        for name in lander_runtime.__all__:
            assert not isinstance(getattr(lander_runtime, name), types.ModuleType), name
    """
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert child.returncode == 0, child.stderr


def test_other_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="'lander_runtime' has no attribute 'polizy'"):
        lander_runtime.polizy  # noqa: B018


def test_every_error_has_its_exit_code() -> None:
    codes = {
        "LanderError": 1, "CheckFailed": 1, "UsageError": 2, "InputRefused": 3, "MachineLacks": 4,
    }  # fmt: skip
    for name, code in codes.items():
        error = getattr(lander_runtime, name)
        assert issubclass(error, lander_runtime.LanderError)
        assert error.exit_code == code
