"""The description of a measurement's machine distinguishes generations of processors."""

from pathlib import Path

import pytest

import machine


def test_processors_with_one_name_differ_by_family_and_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = (
        "processor\t: {}\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n"
    )
    file = tmp_path / "cpuinfo"
    file.write_text(core.format(0) + "\n" + core.format(1).replace("26", "25"))
    monkeypatch.setattr(machine, "CPUINFO", file)

    assert machine.processor() == "AMD EPYC, family 26, model 2"


def test_a_processor_with_few_details_still_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "missing")
    assert machine.processor()

    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    monkeypatch.setattr(machine, "CPUINFO", file)
    assert machine.processor()
