"""What the shell offers after the Tab key, asked as bash asks."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lander_cli.main import app
from lander_rl import settings


@pytest.fixture
def offered() -> Callable[[str], list[str]]:
    """The words that complete a line, whose last word may be empty."""

    def ask(line: str) -> list[str]:
        words = line.split(" ")
        answer = CliRunner().invoke(
            app,
            prog_name="lander",
            env={
                "_LANDER_COMPLETE": "complete_bash",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
            },
        )
        return answer.stdout.split()

    return ask


def test_commands(offered: Callable[[str], list[str]]) -> None:
    assert offered("lander ex") == ["export"]


def test_environments(offered: Callable[[str], list[str]]) -> None:
    assert offered("lander train Lunar") == ["LunarLander-v3", "LunarLanderContinuous-v3"]


def test_presets_of_the_environment_that_was_typed(offered: Callable[[str], list[str]]) -> None:
    assert {"default", "best", "notebook"} <= set(offered("lander train --preset "))
    assert offered("lander train CartPole-v1 --preset ") == ["default"]


def test_settings(offered: Callable[[str], list[str]]) -> None:
    assert offered("lander settings gae") == ["gae", "gae_lambda"]
    assert offered("lander settings ") == [one.name for one in settings()]
    assert offered("lander train --set gam") == ["gamma="]


def test_runs_and_policies_newest_first(
    offered: Callable[[str], list[str]], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for age, number in enumerate(("001", "002")):
        folder = Path("runs/CartPole-v1") / number
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").touch()
        shutil.copy(tiny, folder / "policy.onnx")
        for name in ("metrics.jsonl", "policy.onnx"):
            os.utime(folder / name, (1_700_000_000 + age,) * 2)

    assert offered("lander train --resume ") == ["runs/CartPole-v1/002", "runs/CartPole-v1/001"]
    assert offered("lander export runs/") == ["runs/CartPole-v1/002", "runs/CartPole-v1/001"]
    assert offered("lander eval runs/") == [
        "runs/CartPole-v1/002/policy.onnx",
        "runs/CartPole-v1/001/policy.onnx",
    ]
    assert any(path.endswith("lunarlander-v3/policy.onnx") for path in offered("lander inspect "))
