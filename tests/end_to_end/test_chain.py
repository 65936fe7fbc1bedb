"""The three commands that everybody knows, typed one after the other in an empty folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def lander(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from lander_cli.main import main; main()"
    child = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=600
    )
    assert child.returncode == 0, child.stderr
    return child


@pytest.mark.slow
def test_train_export_eval() -> None:
    run = Path("runs/CartPole-v1/001")
    trained = lander("train", "CartPole-v1", "--steps", "60_000")
    assert f"Next: lander export {run}\n" in trained.stderr
    exported = lander("export")
    assert exported.stderr.startswith(f"Exporting {run}")
    assert f"Next: lander eval {run / 'policy.onnx'} --episodes 10\n" in exported.stderr
    report = json.loads(lander("eval", "--episodes", "10", "--json").stdout)
    assert report["policy"]["path"] == str(run / "policy.onnx")
    assert (report["env"]["id"], report["episodes"]) == ("CartPole-v1", 10)
    assert report["mean_return"] >= 300
    assert {path.name for path in run.iterdir()} == {
        "config.toml", "metrics.jsonl", "checkpoint.safetensors", "best.safetensors", "learning_curve.png",
        "policy.onnx", "policy.md", "policy.gif",
    }  # fmt: skip
