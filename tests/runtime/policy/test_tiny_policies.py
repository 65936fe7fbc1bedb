"""The tiny policies that the other tests load are what their script makes."""

import subprocess
import sys
from pathlib import Path

import onnx


def test_the_script_makes_the_committed_bytes(
    tmp_path: Path, tiny_discrete: Path, tiny_continuous: Path
) -> None:
    script = tiny_discrete.with_name("make_tiny_policies.py")
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == [tiny_continuous.name, tiny_discrete.name]
    for committed in (tiny_discrete, tiny_continuous):
        assert (tmp_path / committed.name).read_bytes() == committed.read_bytes()


def test_they_keep_the_rules_of_the_schema(tiny_discrete: Path, tiny_continuous: Path) -> None:
    for path in (tiny_discrete, tiny_continuous):
        model = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(model, full_check=True)
        assert [(item.domain, item.version) for item in model.opset_import] == [("", 18)]
        assert model.ir_version == 10
        assert [entry.key for entry in model.metadata_props] == ["lander.policy"]
        assert path.stat().st_size < 10_000
