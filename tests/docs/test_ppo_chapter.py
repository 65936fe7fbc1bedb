"""What docs/ppo.md says of the code is borne out by it: names, settings, measured figures, pictures."""

import ast
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lander_trainer import TrainConfig, preset
from lander_trainer.runs.metrics import UpdateMetrics

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "docs" / "ppo.md"
PICTURES = CHAPTER.parent / "pictures"
TEXT = CHAPTER.read_text(encoding="utf-8")
LINKS = re.findall(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", TEXT)
HERE = [(text, target) for text, target in LINKS if "://" not in target]
NAMED = [(text.strip("`"), target) for text, target in HERE if text.startswith("`")]
SHOWN = re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", TEXT)
LARGEST = 60_000
"""Bytes of a picture; a page of five should load at once."""


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def defined_in(source: str) -> set[str]:
    """Functions and classes of a module, and `Class.method` for what its classes define."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{its.name}" for its in node.body if isinstance(its, ast.FunctionDef)}
    return names


def headings(markdown: str) -> set[str]:
    """Anchors as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def rows_under(header: str) -> list[list[str]]:
    """Cells of the table whose first row begins with `header`."""
    table = TEXT[TEXT.index(header) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def test_every_link_into_the_repository_leads_somewhere() -> None:
    assert len(HERE) > 30
    for _, target in HERE:
        path, _, anchor = target.partition("#")
        file = CHAPTER.parent / path
        assert file.is_file(), target
        if anchor:
            assert anchor in headings(file.read_text(encoding="utf-8")), target


@pytest.mark.parametrize(("name", "target"), sorted(set(NAMED)))
def test_a_name_is_defined_where_its_link_leads(name: str, target: str) -> None:
    file = CHAPTER.parent / target
    assert name == file.name or name in defined_in(file.read_text(encoding="utf-8"))


def test_every_function_of_the_whole_update_is_linked_somewhere() -> None:
    listing = TEXT[TEXT.index("    rollout = T steps") :].split("\n\n")[0]
    beside = [re.split(r"\s{3,}", line.strip())[-1] for line in listing.splitlines()]
    names = {name for cell in beside for name in re.findall(r"\b(?:[A-Z]\w+\.)?[a-z]+_?[a-z]+\b", cell)}
    linked = {name for name, _ in NAMED}
    assert {"make_batch", "compute_gae", "Adam.step"} <= names & linked
    assert not {name for name in names if "_" in name or "." in name} - linked - {"approx_kl", "target_kl"}


def test_metrics_and_settings_are_called_what_they_are_called() -> None:
    metrics = {field.name for field in dataclasses.fields(UpdateMetrics)}
    settings = {field.name for field in dataclasses.fields(TrainConfig)}
    rows = rows_under("| metric | section |")
    assert len(rows) == 10
    for metric, section, setting, *_ in rows:
        assert metric.strip("`") in metrics
        assert setting.strip("`") in settings
        for number in section.split(", "):
            assert f"\n## {number}. " in TEXT
    for bullet in re.findall(r"- In `metrics\.jsonl`: (.+?)(?=\n- |\n\n)", TEXT, re.DOTALL):
        # Names of functions stand in links; what is left in code type are metrics.
        assert set(re.findall(r"(?<!\[)`(\w+)`", bullet)) <= metrics


def test_measured_differences_are_those_of_the_table_in_training_md() -> None:
    table = (CHAPTER.parent / "training.md").read_text(encoding="utf-8").splitlines()
    figure = r"[-+][\d.]+ \[[-+][\d.]+, [-+][\d.]+\]"
    quoted = re.findall(rf"`([a-z]+-[a-z0-9.-]+)`[^`]*?({figure})", one_line(TEXT))
    assert len(quoted) == len(re.findall(figure, one_line(TEXT))) == 8
    for change, difference in quoted:
        assert [row for row in table if row.startswith(f"| {change} |") and row.endswith(f" {difference} |")]


def test_settings_that_the_text_names_are_those_of_the_presets() -> None:
    default, notebook, text = preset("LunarLander-v3"), preset("LunarLander-v3", "notebook"), one_line(TEXT)
    ahead = 1 / (1 - default.gamma * default.gae_lambda)
    for claim in (
        f"the default's {default.gamma:g} and {default.gae_lambda:g} this is some {ahead:.0f} steps",
        f"{default.rollout_steps} steps of {default.lanes} lanes, {default.epochs} epochs, "
        f"{default.minibatches} minibatches",
        f"`clip_range`, {default.clip_range:g} in the default preset",
        f"the `notebook` preset has, at {notebook.target_kl:g}",
        f"The default leaves it at {default.epoch_decay:g}, the notebook has {notebook.epoch_decay:g}",
    ):
        assert claim in text
    assert (default.target_kl, default.clip_value, default.anneal) == (None, False, "linear")
    assert (notebook.clip_value, notebook.reward_scale) == (True, 1.0)


def test_settings_of_the_exercises_are_accepted() -> None:
    assignments = re.findall(r"--set (\w+=[\w.]+)", TEXT)
    assert len(assignments) == 6
    for assignment in assignments:
        assert preset("LunarLander-v3").with_assignments([assignment]) != preset("LunarLander-v3")


def test_pictures_on_the_page_are_those_in_the_repository_and_small() -> None:
    assert sorted(SHOWN) == sorted(f"pictures/{path.name}" for path in PICTURES.glob("ppo-*.png"))
    for shown in SHOWN:
        assert (CHAPTER.parent / shown).stat().st_size < LARGEST


@pytest.mark.slow
def test_the_script_draws_what_the_page_shows(tmp_path: Path) -> None:
    command = [sys.executable, str(PICTURES / "ppo.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(shown).name for shown in SHOWN)
    for drawn in tmp_path.iterdir():
        assert drawn.stat().st_size < LARGEST
        with Image.open(drawn) as now, Image.open(PICTURES / drawn.name) as then:
            # Last bits differ between machines, and pixels with them; what is drawn does not.
            assert now.size == then.size
            assert len(now.convert("RGB").getcolors() or []) > 8
