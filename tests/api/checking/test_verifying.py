"""`verify` from Python."""

from pathlib import Path

import pytest

import lander_rl

DATA = Path(__file__).parents[2] / "data"


def test_a_result_says_whether_all_is_well_and_shows_itself() -> None:
    found = lander_rl.verify(DATA / "tiny-discrete.onnx", device="cpu")
    assert found.passed
    assert found.failure is None
    assert "golden vectors" in repr(found)
    assert "<table>" in found._repr_html_()


def test_what_fails_raises_nothing() -> None:
    found = lander_rl.verify(DATA / "cleanrl-agent.onnx", device="cpu")
    assert not found.passed
    assert found.failed == ("schema",)
    assert found.failure is not None
    assert "failed: schema" in found.failure


def test_its_errors_name_arguments() -> None:
    with pytest.raises(lander_rl.UsageError, match=r"^episodes 1 says nothing"):
        lander_rl.verify(DATA / "tiny-discrete.onnx", episodes=1)
