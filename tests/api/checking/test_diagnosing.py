"""`doctor` from Python."""

import pytest

import lander_rl
from lander_runtime.checks import doctor
from lander_runtime.checks.outcome import failed, not_checked, passed


def test_a_diagnosis_says_what_to_type_first(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [
        passed("CPU", "runs"),
        not_checked("extra doom", "not installed: vizdoom", "pip install doom"),
        failed("CUDA", "missing: libcudnn.so.9", "pip install cuda"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    found = lander_rl.doctor()
    assert not found.healthy
    # What does not work comes before what is only missing.
    assert found.advice == ("pip install cuda",)
    assert [check.name for check in found.failed] == ["CUDA"]
    assert "DOES NOT WORK: missing: libcudnn.so.9. Type: pip install cuda" in repr(found)
    assert "<table>" in found._repr_html_()
    assert lander_rl.Diagnosis(tuple(checks[:2])).advice == ("pip install doom",)
    assert lander_rl.Diagnosis(tuple(checks[:2])).failure is None
