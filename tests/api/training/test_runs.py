"""`Run`: what it says, how it shows itself, and that a stranger's folder cannot abuse that."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from lander_rl import InputRefused, Run, UsageError
from lander_runtime import Policy


def test_metrics_are_a_dict_for_each_update(trained: Any) -> None:
    rows = trained.run.metrics
    assert [row["update"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["best_score"] == trained.run.best_score == trained.run.progress.best_score


def test_it_shows_what_the_command_prints(trained: Any) -> None:
    run = trained.run
    assert [line.split("  ")[0] for line in repr(run).splitlines()] == ["run", "steps", "time", "best score"]
    assert f"{run.progress.steps:,} in" in repr(run)
    assert "stopped" in repr(Run(run.path, interrupted=True, reached_target=False))


def test_a_notebook_shows_figures_and_the_curve(trained: Any) -> None:
    page = trained.run._repr_html_()
    assert page.count("<tr>") == 4
    assert 'src="data:image/png;base64,iVBORw0KGgo' in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a&b'\"", "\x1b[31mred"])
def test_hostile_names_are_harmless(trained: Any, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name.replace("/", "_")
    shutil.copytree(trained.run.path, folder)
    run = Run.open(folder)
    for shown in (repr(run), run._repr_html_()):
        assert "\x1b" not in shown
    page = re.sub(r"data:[^\"]*", "", run._repr_html_())
    assert "<script" not in page
    assert "b'\"" not in page


def test_a_folder_that_is_gone_still_shows_itself(tmp_path: Path) -> None:
    shown = repr(Run(tmp_path / "gone", interrupted=False, reached_target=False))
    assert "gone" in shown
    assert "unreadable" in shown


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"checkpoint\.safetensors"):
        Run.open(tmp_path)


def test_it_draws_its_curve(trained: Any, tmp_path: Path) -> None:
    picture = trained.run.plot(tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert [run.path for run in picture.runs] == [trained.run.path]
    assert "data:image/svg+xml;base64," in picture._repr_html_()
    assert str(tmp_path / "curve.svg") in repr(picture)
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        trained.run.plot(tmp_path / "curve.jpg")


def test_it_exports_a_policy(trained: Any, tmp_path: Path) -> None:
    policy = trained.run.export(tmp_path / "policy.onnx", episodes=0, gif=False)
    assert isinstance(policy, Policy)
    assert policy.env.id == "CartPole-v1"
    assert policy.path == tmp_path / "policy.onnx"
