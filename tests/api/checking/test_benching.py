"""`bench` from Python: which rows there are, and that a wrong one cannot hide."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lander_rl
from lander_export.twins import compiled, in_torch
from lander_runtime.checks import timing
from lander_runtime.evaluation import evaluate as evaluating

DATA = Path(__file__).parents[2] / "data"
LUNAR_LANDER = Path(__file__).parents[3] / "models" / "lunarlander-v3" / "policy.onnx"
DOOM = Path(__file__).parents[3] / "models" / "doom-basic-v1" / "policy.onnx"
ALL = {"ONNX Runtime CPU", "ONNX Runtime CPU, bound", "PyTorch CPU", "C"}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few calls are enough here."""
    monkeypatch.setattr(timing, "_SECONDS", 0.001)


@pytest.mark.parametrize("name", ["tiny-discrete", "tiny-continuous"])
def test_a_row_for_each_runtime_and_batch(name: str) -> None:
    found = lander_rl.bench(DATA / f"{name}.onnx", batches=(1, 3), episodes=2)
    score = lander_rl.evaluate(DATA / f"{name}.onnx", episodes=2).summary.mean_return
    here = ALL if shutil.which("gcc") else ALL - {"C"}
    assert {(row.runtime, row.batch) for row in found.rows if "CUDA" not in row.runtime} == {
        (runtime, batch) for runtime in here for batch in (1, 3)
    }
    for row in found.rows:
        assert 0 < row.p50 <= row.p99
        assert row.actions_per_second == pytest.approx(row.batch / row.p50)
        assert (row.actions_equal, row.agrees, row.worse) == (1.0, True, False)
        # Continuous actions may differ in their last bits, and a crash then ends a little elsewhere.
        assert row.score == pytest.approx(score, rel=1e-6)
    assert found.failure is None
    assert "actions/s" in repr(found)
    assert "<table>" in found._repr_html_()


def test_a_fast_wrong_runtime_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        in_torch, "torch_twin", lambda material: lambda observations: np.zeros(len(observations), np.int64)
    )
    found = lander_rl.bench(DATA / "tiny-discrete.onnx", batches=(64,))
    wrong = [row.runtime for row in found.rows if not row.agrees]
    assert wrong == ["PyTorch CPU"]
    assert found.failure is not None
    assert "PyTorch CPU" in found.failure
    assert "WRONG" in repr(found)


def test_a_runtime_that_scores_worse_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right on one observation at a time, which is all that is compared here, and wrong on more."""
    honest = in_torch.torch_twin

    def forgetful(material: Any) -> Any:
        act = honest(material)
        return lambda observations: (
            act(observations) if len(observations) == 1 else np.full(len(observations), 3)
        )

    monkeypatch.setattr(in_torch, "torch_twin", forgetful)
    found = lander_rl.bench(LUNAR_LANDER, batches=(1,))
    rows = {row.runtime: row for row in found.rows}
    assert rows["PyTorch CPU"].agrees
    assert rows["PyTorch CPU"].worse
    assert not rows["ONNX Runtime CPU, bound"].worse
    assert "WORSE" in repr(found)
    assert found.failure == "policy.onnx: other actions than in ONNX Runtime on the CPU: PyTorch CPU."


def test_without_the_environment_there_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object, **options: object) -> None:
        raise lander_rl.MachineLacks("Box2D is not installed.")

    monkeypatch.setattr(evaluating, "evaluate", missing)
    found = lander_rl.bench(DATA / "tiny-discrete.onnx", batches=(1,))
    assert found.missing["score"] == "Box2D is not installed."
    assert {row.score for row in found.rows} == {None}
    assert found.failure is None


def test_a_cuda_graph_is_there_or_said_to_be_missing() -> None:
    found = lander_rl.bench(DATA / "tiny-discrete.onnx", batches=(1,), episodes=0)
    rows = {row.runtime for row in found.rows}
    for name in ("ONNX Runtime CUDA", "ONNX Runtime CUDA graph"):
        assert (name in rows) != (name in found.missing)
    assert "--device" not in repr(found), "bench has no such option"
    assert {row.score for row in found.rows} == {None}


def test_a_continuous_action_that_is_off_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = in_torch.torch_twin

    def off(material: Any) -> Any:
        act = honest(material)
        return lambda observations: act(observations) + np.float32(0.01)

    monkeypatch.setattr(in_torch, "torch_twin", off)
    found = lander_rl.bench(DATA / "tiny-continuous.onnx", batches=(8,))
    assert [row.runtime for row in found.rows if not row.agrees] == ["PyTorch CPU"]


def test_what_cannot_run_a_policy_says_why() -> None:
    found = lander_rl.bench(DOOM, batches=(1,), episodes=0)
    assert {"PyTorch CPU", "C"} <= set(found.missing)
    assert "no plain multilayer perceptron" in found.missing["C"]
    assert {row.runtime for row in found.rows} >= {"ONNX Runtime CPU"}


def test_without_a_compiler_there_is_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "find_compiler", lambda: None)
    found = lander_rl.bench(DATA / "tiny-discrete.onnx", batches=(1,))
    assert "C compiler" in found.missing["C"]
    assert "C: There is no C compiler here" in repr(found)


def test_a_picture_of_the_speeds(tmp_path: Path) -> None:
    found = lander_rl.bench(
        DATA / "tiny-discrete.onnx", batches=(1, 4), episodes=0, plot=tmp_path / "speeds.svg"
    )
    assert found.picture == tmp_path / "speeds.svg"
    text = found.picture.read_text(encoding="utf-8")
    assert "actions per second" in text


def test_a_batch_that_is_too_large_or_small() -> None:
    for batches in ((), (0,), (1 << 21,)):
        with pytest.raises(lander_rl.UsageError, match="batch"):
            lander_rl.bench(DATA / "tiny-discrete.onnx", batches=batches)


def test_calls_take_turns() -> None:
    order: list[str] = []
    found = timing.timings({"one": lambda: order.append("one"), "two": lambda: order.append("two")})
    assert set(found) == {"one", "two"}
    first = order.index("two", timing._WARM_UP * 2)
    assert "one" in order[first:]
