"""`plot`: several runs in one picture."""

import json
from pathlib import Path

import pytest
import tomli_w

from lander_rl import InputRefused, plot


def put_run(name: str, best: float | None) -> Path:
    folder = Path(name)
    folder.mkdir()
    (folder / "config.toml").write_text(tomli_w.dumps({"env": "CartPole-v1", "seed": 1}))
    row = {"steps": 10, "seconds": 1.5, "mean_return": 20.0, "selection_score": best, "best_score": best}
    (folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    return folder


def test_the_best_of_several() -> None:
    runs = [put_run("one", None), put_run("two", 50.0), put_run("three", 30.0)]
    picture = plot(*runs, out="all.png")
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    assert picture.best.path == Path("two")
    assert [run.path for run in picture.runs] == runs
    assert repr(picture).splitlines()[1] == "one      10 steps, best score none yet"


def test_a_picture_is_described_by_what_it_shows() -> None:
    put_run("one", 1.0)
    put_run("two", 2.0)
    assert (
        'alt="Learning curves of CartPole-v1: return over environment steps"'
        in plot("one", "two", out="a.svg")._repr_html_()
    )
    assert "return over seconds of training" in plot("one", out="b.svg", x="seconds")._repr_html_()


def test_a_run_that_is_named_twice_is_drawn_once() -> None:
    run = put_run("one", 1.0)
    assert len(plot(run, "one", Path("one").resolve(), out="one.svg").runs) == 1


def test_without_a_run_it_says_so() -> None:
    with pytest.raises(InputRefused, match="no run under runs/"):
        plot()
