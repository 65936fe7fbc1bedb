"""The same file in other runtimes, each in a process of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lander_runtime.checks import runtimes
from lander_runtime.checks.children import RUNNERS
from lander_runtime.checks.verify import verify

LANDER = Path(__file__).parents[3] / "models" / "lunarlander-v3" / "policy.onnx"

Answering = Callable[[str], runtimes.RuntimeResult]

ANSWER = """
import sys
from pathlib import Path
import numpy as np
folder = Path(sys.argv[2])
assert (folder / "policy.onnx").stat().st_size > 1000
observations = np.load(folder / "observations.npy")
"""


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answering:
    """(code) -> what is said of one runtime whose process runs that code."""

    def run(code: str) -> runtimes.RuntimeResult:
        script = tmp_path / "child.py"
        script.write_text(ANSWER + code)
        monkeypatch.setattr(runtimes, "_CHILDREN", script)
        monkeypatch.setattr(runtimes, "_RUNTIMES", {"other": ("numpy", ("numpy",))})
        [found] = verify(LANDER, "cpu", all_runtimes=True).runtimes
        return found

    return run


def test_every_runtime_has_a_runner() -> None:
    assert set(runtimes._RUNTIMES) == set(RUNNERS)


def test_installed_ones_agree_and_others_are_named() -> None:
    found = {one.name: one for one in verify(LANDER, "cpu", all_runtimes=True).runtimes}
    assert set(found) == set(RUNNERS)
    for name in ("onnxruntime", "onnx reference"):
        assert (found[name].outcome, found[name].found, found[name].actions_equal) == (
            "passed",
            "agrees",
            1.0,
        )
        assert found[name].version
        difference = found[name].max_difference
        assert difference is not None
        assert difference < 1e-5
    for one in found.values():
        assert one.version or (one.outcome, one.found) == ("not checked", "not installed")


def test_one_that_rounds_differs(answering: Answering) -> None:
    found = answering("np.savez(folder / 'outputs.npz', action=np.zeros(8, int), logits=np.ones((8, 4)))")
    assert found.outcome == "failed"
    assert found.max_difference is not None
    assert found.max_difference > 1e-3
    assert found.actions_equal is not None
    assert found.actions_equal < 1.0


def test_one_that_gives_other_shapes_or_names_differs(answering: Answering) -> None:
    assert answering("np.savez(folder / 'outputs.npz', action=np.zeros(8, int))").outcome == "failed"
    more = answering("np.savez(folder / 'outputs.npz', action=np.zeros(3, int), logits=np.ones((3, 4)))")
    assert (more.outcome, more.actions_equal) == ("failed", None)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ValueError('no such operator')", "no such operator"),
        ("import os; os._exit(11)", "its process ended with 11"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its process ended with -9"),
        ("pass", "its process ended with 0"),
        ("print('\\x1b[2J', file=sys.stderr); sys.exit(1)", "\\x1b[2J"),
    ],
)
def test_one_that_cannot_run_it_is_no_fault_of_the_file(answering: Answering, code: str, words: str) -> None:
    found = answering(code)
    assert found.outcome == "not checked"
    assert words in found.found
    assert found.found.isprintable()


def test_one_that_hangs_is_ended(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "_SECONDS", 1.0)
    found = answering("import time; time.sleep(60)")
    assert "no answer in 1 s" in found.found
