"""The JavaScript library beside ONNX Runtime in the same process, which is onnxruntime-node.

`make judge` installs it, 113 MB to download, and `make test` calls that.
"""

import json
import subprocess
from pathlib import Path

import pytest

from processor import has_fma

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
FOLDER = ROOT / "build" / "node"

POLICIES = [
    ROOT / "models" / "lunarlander-v3" / "policy.onnx",
    DATA / "tiny-discrete.onnx",
    DATA / "tiny-continuous.onnx",
    DATA / "sb3-ppo-continuous.onnx",
]


def test_it_acts_as_onnx_runtime(node: str) -> None:
    if not (FOLDER / ".installed").is_file():
        pytest.skip("no onnxruntime-node here; type: make judge (needs npm)")
    judge = ROOT / "tests" / "examples" / "javascript" / "judge.mjs"
    child = subprocess.run(
        [node, judge, FOLDER, *POLICIES], capture_output=True, encoding="utf-8", timeout=120
    )
    assert child.returncode == 0, child.stderr
    found = json.loads(child.stdout)
    for path in POLICIES:
        score = found[str(path)]
        assert score["observations"] == 2000
        if "continuous" not in path.name or has_fma():
            assert (score["equal"], score["difference"]) == (2000, 0), path.name
        assert score["difference"] < 1e-5
