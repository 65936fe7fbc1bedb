"""`lander plot`: which runs it draws, where to, and what it refuses."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

Lander = Callable[..., Any]


@pytest.fixture
def runs() -> Path:
    """runs/CartPole-v1 with 001 and 002, seeds 1 and 2, best scores 30 and 50."""
    for seed, best in ((1, 30.0), (2, 50.0)):
        folder = Path(f"runs/CartPole-v1/00{seed}")
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(tomli_w.dumps({"env": "CartPole-v1", "seed": seed}))
        rows = [
            {"steps": steps, "seconds": 1.5, "mean_return": 20.0, "selection_score": best, "best_score": best}
            for steps in (1000, 2000)
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Path("runs/CartPole-v1")


def test_a_folder_of_runs(lander: Lander, runs: Path) -> None:
    found = lander("plot", runs)
    assert found.code == 0
    assert found.out.splitlines() == [
        "picture               plot.png",
        f"{runs / '001'}  2,000 steps, best score 30.0, seed 1",
        f"{runs / '002'}  2,000 steps, best score 50.0, seed 2",
    ]
    assert found.err.startswith("Drawing 2 runs\n")
    # The best of them.
    assert found.next == f"lander export {runs / '002'}"
    assert Path("plot.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_one_object(lander: Lander, runs: Path) -> None:
    found = lander("plot", runs / "002", runs / "001", runs, "--out", "new/both.svg", "--group", "--json")
    assert found.code == 0
    data = json.loads(found.out)
    assert (data["schema"], data["picture"]) == ("lander.plot/1", str(Path("new/both.svg")))
    # Named twice, drawn once.
    assert [run["run"] for run in data["runs"]] == [str(runs / "002"), str(runs / "001")]
    assert data["runs"][0]["best_score"] == 50.0
    drawn = Path("new/both.svg").read_text(encoding="utf-8")
    assert "2 seeds (002, 001)" in drawn
    assert "mean of seeds; band: lowest to highest" in drawn


def test_without_an_argument_the_newest_run(lander: Lander, add_run: Callable[..., Path]) -> None:
    add_run("001", age=100)
    add_run("002")
    found = lander("plot", "--x", "seconds")
    assert found.code == 0
    newest = Path("runs/CartPole-v1/002")
    assert found.err.startswith(f"Drawing {newest}\n")
    assert found.next == f"lander export {newest}"


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        ([], 3, "lander train"),
        (["missing"], 3, "missing: no such folder"),
        (["."], 3, "no run with an update"),
        (["missing", "--out", "plot.jpg"], 2, "plot.jpg should be a file whose name ends in .png or .svg"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(
    lander: Lander, arguments: list[str], code: int, named: str
) -> None:
    found = lander("plot", *arguments)
    assert (found.code, found.out) == (code, "")
    assert named in found.message
    assert list(Path().iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_by_its_name(lander: Lander, runs: Path) -> None:
    found = lander("plot", runs, "--out", runs / "001" / "config.toml" / "plot.png")
    assert (found.code, "is not a folder" in found.message) == (2, True)


def test_a_corrupt_run_is_refused_by_line(lander: Lander, runs: Path) -> None:
    with (runs / "001" / "metrics.jsonl").open("a") as file:
        file.write("nonsense\n")
    found = lander("plot", runs)
    assert (found.code, found.out) == (3, "")
    assert re.match(r"runs.CartPole-v1.001.metrics\.jsonl: line 3: not valid JSON", found.message)
    assert not Path("plot.png").exists()


def test_an_axis_that_is_none_is_a_usage_error(lander: Lander, runs: Path) -> None:
    found = lander("plot", runs, "--x", "episodes")
    assert (found.code, found.out) == (2, "")
    assert "episodes" in found.err
