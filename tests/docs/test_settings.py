"""docs/settings.md is what its script makes of the settings today."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from lander_trainer import TrainConfig

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_settings", DOCS / "make_settings.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_writes(script: ModuleType) -> None:
    written = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert written == script.render(), "type: python docs/make_settings.py"


def test_every_setting_has_a_row_with_type_default_and_meaning(script: ModuleType) -> None:
    rows = [line for line in script.render().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(TrainConfig.__dataclass_fields__)
    for row in rows:
        cells = [cell.strip() for cell in row.replace("\\|", "").strip("|").split("|")]
        assert len(cells) == 6
        name, kind, _, default, _, meaning = cells
        assert all((name, kind, default, meaning)), row


def test_defaults_are_written_as_set_takes_them(script: ModuleType) -> None:
    for line in script.render().splitlines():
        if line.startswith("| `"):
            name, default = line.split("`")[1], line.split(" | ")[3].strip("`")
            again = TrainConfig().with_assignments([f"{name}={default}"])
            assert again == TrainConfig(), line
