"""`export_c`: a policy as a C header, from Python."""

import shutil
from pathlib import Path

import pytest

import lander_rl

DATA = Path(__file__).parents[2] / "data"


def test_it_writes_a_header_and_shows_itself(tmp_path: Path) -> None:
    policy = shutil.copy(DATA / "tiny-continuous.onnx", tmp_path / "tiny.onnx")
    made = lander_rl.export_c(policy, name="glider")
    assert made.path == tmp_path / "glider.h"
    assert "glider_mean" in made.path.read_text()
    assert (made.environment, made.network) == ("LunarLanderContinuous-v3", "8 -> 16 relu -> 2")
    assert "8 -> 16 relu -> 2" in repr(made)
    assert "<table>" in made._repr_html_()


def test_its_errors_name_arguments(tmp_path: Path) -> None:
    with pytest.raises(lander_rl.UsageError, match=r"^name 'A' cannot begin names in C"):
        lander_rl.export_c(DATA / "tiny-discrete.onnx", tmp_path / "a.h", name="A")
    with pytest.raises(lander_rl.UsageError, match="leave out license"):
        lander_rl.export_c(DATA / "tiny-discrete.onnx", tmp_path / "a.h", license="MIT")
