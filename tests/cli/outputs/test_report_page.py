"""`lander eval --report`: the page, the same with any workers; refusals come before any episode runs."""

import json
import re
from pathlib import Path
from typing import Any

Lander = Any


def test_the_page_of_an_evaluation(lander: Lander, tiny: Path) -> None:
    found = lander("eval", tiny, "--episodes", "3", "--gif-episodes", "none", "--json", "--report", "a page")
    assert found.code == 0
    assert "Wrote a page/index.html" in found.err
    report = json.loads(found.out)
    page = Path("a page/index.html").read_text(encoding="utf-8")
    assert report["report_sha256"] in page
    assert f"lander eval {tiny} --episodes 3 --seed 1000000 '--report=a page'" in page
    assert json.loads(Path("a page/report.json").read_text(encoding="utf-8")) == report
    assert page.count("data:image/gif") == 2
    assert len(page) < 3_000_000


def test_it_says_the_same_whatever_the_workers_and_lanes(lander: Lander, tiny: Path) -> None:
    pages = []
    for workers, lanes in ((1, 1), (2, 3)):
        arguments = ["--workers", workers, "--lanes", lanes, "--gif-episodes", "none", "--report", "page"]
        assert lander("eval", tiny, "--episodes", "6", "--sampled", *arguments).code == 0
        page = Path("page/index.html").read_text(encoding="utf-8")
        assert "--sampled" in page
        pages.append(re.sub(r"<dt>(Ran on|Speed)</dt><dd>[^<]*</dd>", "", page))
    assert pages[0] == pages[1]


def test_a_place_that_cannot_be_written_is_refused_before_any_episode_runs(
    lander: Lander, tiny: Path
) -> None:
    Path("taken").write_text("mine")
    found = lander("eval", tiny, "--episodes", "3", "--report", "taken")
    assert (found.code, found.out) == (2, "")
    assert "taken" in found.message
    assert Path("taken").read_text() == "mine"


def test_a_folder_in_the_place_of_the_data_is_refused_first(lander: Lander, tiny: Path) -> None:
    Path("page/report.json").mkdir(parents=True)
    found = lander("eval", tiny, "--episodes", "3", "--report", "page")
    assert (found.code, found.out) == (2, "")
    assert "page/report.json" in found.message


def test_without_the_option_there_is_no_page(lander: Lander, tiny: Path, tree: Any) -> None:
    assert lander("eval", tiny, "--episodes", "1", "--gif-episodes", "none").code == 0
    assert tree() == {tiny.name}
