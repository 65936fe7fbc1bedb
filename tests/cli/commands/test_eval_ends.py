"""How `lander eval` ends where a picture fails, a page is being written, or episodes are cut short."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from lander_runtime.locks import locked

Lander = Callable[..., Any]


@pytest.fixture
def faulty() -> Iterator[Callable[[str], str]]:
    """(fault) -> the id of an environment like the lander's with this fault."""
    made = []

    def register(fault: str) -> str:
        made.append(f"Faulty{len(made)}-v0")
        entry_point = "worker_environments:FaultyEnv"
        gymnasium.register(made[-1], entry_point, kwargs={"fault": fault}, max_episode_steps=50)
        return made[-1]

    yield register
    for name in made:
        del gymnasium.registry[name]


def test_the_usual_gif_that_cannot_be_drawn_is_left_out_with_a_note(
    lander: Lander, tiny: Path, faulty: Callable[[str], str]
) -> None:
    found = lander("eval", tiny, "--env", faulty("render raises"), "--episodes", "2", "--workers", "1")
    assert found.code == 0
    assert "mean return" in found.out
    assert "No animation was recorded. Faulty0-v0 raised OSError while it was drawn" in found.err
    assert not Path("eval.gif").exists()


def test_a_gif_that_was_asked_for_and_cannot_be_drawn_comes_after_all_else(
    lander: Lander, tiny: Path, faulty: Callable[[str], str]
) -> None:
    files = ["--gif", "a.gif", "--out", "a.json", "--save-replay", "a.jsonl.gz"]
    env = faulty("render raises")
    found = lander("eval", tiny, "--env", env, "--episodes", "2", "--workers", "1", *files)
    assert found.code == 5
    assert found.message.startswith("Faulty0-v0 raised OSError while it was drawn")
    assert "mean return" in found.out
    assert json.loads(Path("a.json").read_text())["episodes"] == 2
    assert Path("a.jsonl.gz").exists()
    assert not Path("a.gif").exists()


def test_two_evaluations_do_not_write_one_page(lander: Lander, tiny: Path) -> None:
    with locked(Path("page/.index.html.lock"), Path("page"), ""):
        found = lander("eval", tiny, "--episodes", "1", "--report", "page")
        assert (found.code, found.out) == (3, "")
        assert found.message.startswith("page is in use: process ")
        assert found.message.endswith("Wait until it has ended, or name another folder with --report.")
    assert lander("eval", tiny, "--episodes", "1", "--report", "page").code == 0
    assert {path.name for path in Path("page").iterdir()} == {"index.html", "report.json"}


def test_an_evaluation_that_fails_leaves_no_folder_for_its_page(
    lander: Lander, tiny: Path, faulty: Callable[[str], str]
) -> None:
    env = faulty("step raises")
    assert lander("eval", tiny, "--env", env, "--workers", "1", "--report", "page").code == 5
    assert not Path("page").exists()


def test_a_time_limit_of_the_user_s(lander: Lander, tiny: Path) -> None:
    limit = ["--max-episode-steps", "5"]
    found = lander("eval", tiny, "--episodes", "3", *limit, "--save-replay", "a.jsonl.gz")
    assert found.code == 0
    told = json.loads(lander("eval", tiny, "--episodes", "3", *limit, "--json").out)
    assert told["lengths"] == [5, 5, 5]
    assert told["env"]["max_episode_steps"] == 5
    assert set(told["outcomes"]) == {"timed out"}
    shorter = lander("eval", tiny, "--episodes", "3", *limit, "--gif-episodes", "none").next
    assert shlex.join(limit) in shorter, "the next command scores the same episodes"
    # The limit is part of what is replayed.
    assert lander("replay", "a.jsonl.gz").code == 0


@pytest.mark.parametrize("command", ["eval", "train"])
@pytest.mark.parametrize("limit", ["0", "-3", "many", "1.5"])
def test_a_time_limit_that_is_none(lander: Lander, command: str, limit: str) -> None:
    found = lander(command, "--max-episode-steps", limit)
    assert found.code == 2
    assert "--max-episode-steps" in found.err


def test_training_with_a_time_limit(lander: Lander, tiny_run: list[Any]) -> None:
    limit = ["--max-episode-steps", "7"]
    assert lander("train", *tiny_run, "--steps", "256", "--out", "run", *limit).code == 0
    assert "max_episode_steps = 7" in Path("run/config.toml").read_text()
    # 256 steps of episodes that a pole ends after some twenty.
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["episodes"] >= 32
    found = lander("train", "--resume", "run", *limit)
    assert found.code == 2
    assert "--resume" in found.message
