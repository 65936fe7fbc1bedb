"""`lander eval --shard` and `lander merge`: the parts give the report of one run; refusals name files."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lander = Callable[..., Any]

CONDUCT = ("provider", "engine", "lanes", "seconds", "steps_per_second", "versions")


@pytest.fixture
def parts(lander: Lander, tiny: Path) -> Path:
    """The folder of three shards of ten episodes."""
    for index in (2, 3, 1):
        found = lander("eval", tiny, "--episodes", "10", "--shard", f"{index}/3")
        assert found.code == 0, found.err
        assert f"Wrote {Path('shards') / f'{index}-of-3.json'}" in found.err
        assert found.next == "lander merge shards"
    return Path("shards")


@pytest.fixture
def whole(lander: Lander, tiny: Path) -> dict[str, Any]:
    return json.loads(lander("eval", tiny, "--episodes", "10", "--json").out)


def test_a_shard_is_a_report_of_its_episodes(parts: Path, whole: dict[str, Any]) -> None:
    found = [json.loads((parts / f"{index}-of-3.json").read_text()) for index in (1, 2, 3)]
    assert [part["schema"] for part in found] == ["lander.evaluation/1"] * 3
    assert [(part["first_seed"], part["episodes"]) for part in found] == [
        (1_000_000, 3), (1_000_003, 3), (1_000_006, 4),
    ]  # fmt: skip
    assert [part["shard"] for part in found] == [
        {"index": index, "of": 3, "first_seed": 1_000_000, "episodes": 10} for index in (1, 2, 3)
    ]
    assert [value for part in found for value in part["returns"]] == whole["returns"]
    # A shard is for figures, not for the picture of an episode in the middle.
    assert not Path("eval.gif").exists()


def test_the_merged_report_is_that_of_one_run(lander: Lander, parts: Path, whole: dict[str, Any]) -> None:
    reversed_ = [parts / f"{index}-of-3.json" for index in (3, 2, 1)]
    for arguments in ([parts], reversed_):
        found = lander("merge", *arguments, "--json", "--out", "new/whole.json")
        assert found.code == 0, found.err
        merged = json.loads(found.out)
        assert {k: v for k, v in merged.items() if k not in CONDUCT} == {
            k: v for k, v in whole.items() if k not in CONDUCT
        }
        assert json.loads(Path("new/whole.json").read_text()) == merged
        assert merged["versions"] == whole["versions"]


def test_people_get_the_table_of_the_whole(lander: Lander, parts: Path, whole: dict[str, Any]) -> None:
    found = lander("merge", parts)
    assert found.code == 0
    assert whole["report_sha256"] in found.out
    assert f"{whole['mean_return']:.1f}" in found.out
    assert "3 parts by 1 process" in found.out
    assert lander(*shlex.split(found.next)[1:]).code == 0


def test_a_shard_goes_to_stdout_or_where_it_is_told_to(lander: Lander, tiny: Path) -> None:
    to_stdout = lander("eval", tiny, "--episodes", "2", "--shard", "2/2", "--json")
    assert json.loads(to_stdout.out)["shard"]["index"] == 2
    assert not Path("shards").exists()
    to_file = lander("eval", tiny, "--episodes", "2", "--shard", "1/2", "--out", "here/a.json")
    assert to_file.next == "lander merge here"
    Path("here/b.json").write_text(to_stdout.out)
    assert lander("merge", "here").code == 0


def test_out_is_what_json_prints(lander: Lander, tiny: Path) -> None:
    found = lander("eval", tiny, "--episodes", "2", "--json", "--out", "report.json")
    assert json.loads(Path("report.json").read_text()) == json.loads(found.out)


@pytest.mark.parametrize(
    "shard", ["0/3", "4/3", "1/0", "11/11", "3", "a/b", "1/3/5", "-1/3", "1/" + "9" * 30]
)
def test_a_part_that_does_not_exist_is_a_usage_error(lander: Lander, tiny: Path, shard: str) -> None:
    found = lander("eval", tiny, "--episodes", "10", f"--shard={shard}")
    assert (found.code, found.out) == (2, "")
    assert "part" in found.message.lower() or "shard" in found.message.lower()


@pytest.mark.parametrize("out", ["report", "tiny.onnx", "folder.json", "file/report.json"])
def test_a_place_that_is_none_for_a_report_is_refused_before_any_episode_runs(
    lander: Lander, tiny: Path, parts: Path, out: str
) -> None:
    Path("folder.json").mkdir()
    Path("file").write_text("mine")
    before = tiny.read_bytes()
    for command in (["eval", tiny, "--episodes", "1"], ["merge", parts]):
        found = lander(*command, "--out", out)
        assert (found.code, found.out) == (2, "")
        assert out in found.message
    assert tiny.read_bytes() == before


def test_a_missing_shard_is_named(lander: Lander, parts: Path) -> None:
    (parts / "2-of-3.json").unlink()
    found = lander("merge", parts)
    assert (found.code, found.out) == (3, "")
    assert "(shard 2/3)" in found.message


def test_what_is_there_twice_is_named(lander: Lander, parts: Path) -> None:
    (parts / "copy.json").write_bytes((parts / "2-of-3.json").read_bytes())
    found = lander("merge", parts)
    assert (found.code, found.out) == (3, "")
    assert "copy.json" in found.message
    again = lander("merge", parts / "1-of-3.json", parts / "1-of-3.json")
    assert (again.code, again.out) == (2, "")
    assert "twice" in again.message


def test_a_damaged_shard_is_refused_by_name(lander: Lander, parts: Path) -> None:
    file = parts / "3-of-3.json"
    file.write_text(file.read_text().replace("crashed", "landed!"))
    found = lander("merge", parts)
    assert (found.code, found.out) == (3, "")
    assert "3-of-3.json" in found.message
    assert "changed or damaged" in found.message


@pytest.mark.parametrize("arguments", [["nothere.json"], ["empty"]])
def test_nothing_to_merge_is_refused(lander: Lander, arguments: list[str]) -> None:
    Path("empty").mkdir()
    found = lander("merge", *arguments)
    assert (found.code, found.out) == (3, "")
    assert arguments[0] in found.message
