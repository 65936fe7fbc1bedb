"""The public surface of `lander_rl`, and what importing it costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import lander_rl

HEAVY = {"torch", "gymnasium", "onnxruntime", "onnx", "numpy", "rich", "typer", "PIL", "matplotlib"}

PUBLIC = {
    "BenchRequest", "Benchmark", "CHeader", "CHeaderRequest", "CheckFailed", "CompareRequest", "Comparison",
    "Diagnosis", "Environment", "EnvironmentFailed", "Episode", "EpisodeObserver", "EvaluateRequest",
    "EvaluationObserver", "ExportRequest", "Exported", "InputRefused", "Interrupted", "LanderError",
    "MachineLacks", "Model", "Page", "Picture", "PlayRequest", "PlotRequest", "Policy", "Preset",
    "PullRequest", "Pulled", "PushRequest", "Pushed", "Recording", "ReduceRequest", "ReducedPolicy",
    "ReplayRequest", "ReplayResult", "Report", "ResumeRequest", "Run", "SeedRun", "SeedRuns", "SeedsRequest",
    "ServeRequest", "Setting", "Sweep", "SweepRequest", "SweepTrial", "TrainObserver", "TrainRequest",
    "TritonModel", "TritonRequest", "UpdateMetrics", "UsageError", "Verification", "VerifyRequest", "bench",
    "compare", "doctor", "environments", "evaluate", "export", "export_c", "export_reduced", "export_triton",
    "merge", "models", "open_policy", "play", "plot", "pull", "push", "record", "replay", "resume", "serve",
    "settings", "sweep", "train", "train_seeds", "verify",
}  # fmt: skip


def in_a_child(code: str) -> str:
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert child.returncode == 0, child.stderr
    return child.stdout


def modules_after(code: str) -> set[str]:
    """The top-level modules of a fresh interpreter that has run `code`."""
    report = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(in_a_child(code + report).split())


def test_the_public_names_are_there_and_sorted() -> None:
    assert set(lander_rl.__all__) == PUBLIC
    assert lander_rl.__all__ == sorted(lander_rl.__all__)
    assert set(dir(lander_rl)) >= PUBLIC


def test_every_public_name_is_documented() -> None:
    for name in PUBLIC:
        assert (getattr(lander_rl, name).__doc__ or "").strip(), name


def test_importing_it_is_light() -> None:
    loaded = modules_after("import lander_rl")
    assert "lander_rl" in loaded
    assert loaded.isdisjoint(HEAVY | {"lander_cli", "lander_trainer", "lander_export"})


def test_importing_it_takes_no_time() -> None:
    """Of five processes the fastest: this asks what the import costs, not how busy the machine is."""
    code = "import time; start = time.perf_counter(); import lander_rl; print(time.perf_counter() - start)"
    assert min(float(in_a_child(code)) for _ in range(5)) < 0.150


def test_scoring_never_loads_torch_or_the_command(tiny: Path) -> None:
    code = f"""if True:
        import sys, warnings
        warnings.simplefilter("ignore")  # Box2D's bindings warn while they are imported.
        import lander_rl
        report = lander_rl.evaluate({str(tiny)!r}, episodes=1, gif="a.gif", save_replay="a.jsonl.gz")
        report._repr_html_(), lander_rl.replay("a.jsonl.gz"), lander_rl.compare(report, report)
        print(*(name.partition(".")[0] for name in sys.modules))
    """
    loaded = set(in_a_child(code).split())
    assert "gymnasium" in loaded
    assert loaded.isdisjoint(
        ["torch", "onnx", "rich", "typer", "lander_cli", "lander_trainer", "lander_export"]
    )


def test_a_public_name_is_itself_whatever_was_imported_before() -> None:
    """Python sets `lander_rl.x` to the submodule x when that is imported: no public name may be one."""
    in_a_child("""if True:
        import importlib, pkgutil, types
        import lander_rl
        for module in pkgutil.iter_modules(lander_rl.__path__):
            importlib.import_module(f"lander_rl.{module.name}")
        for name in lander_rl.__all__:
            assert not isinstance(getattr(lander_rl, name), types.ModuleType), name
    """)


@pytest.mark.parametrize(
    "names", ["TrainRequest, ResumeRequest, ExportRequest, PlotRequest", "TrainObserver", "UsageError"]
)
def test_requests_observers_and_errors_load_nothing_heavy(names: str) -> None:
    assert modules_after(f"from lander_rl import {names}").isdisjoint(HEAVY)


@pytest.mark.parametrize("name", ["models", "environments", "settings"])
def test_what_there_is_can_be_listed_without_pytorch(name: str) -> None:
    loaded = modules_after(f"import lander_rl; repr(lander_rl.{name}())")
    assert loaded.isdisjoint({"torch", "gymnasium", "onnxruntime", "onnx", "matplotlib"})


def test_other_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="'lander_rl' has no attribute 'evaluat'"):
        lander_rl.evaluat  # noqa: B018
