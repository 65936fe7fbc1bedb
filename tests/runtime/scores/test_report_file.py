"""Reports that come back: what was written is read bit for bit, and what was tampered with is refused."""

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lander_runtime import InputRefused, Policy, UsageError, evaluate
from lander_runtime.json_data.digest import digest
from lander_runtime.json_data.fields import Fields
from lander_runtime.scores.report import NO_FINDINGS, RUN_KEYS, Report
from lander_runtime.scores.report_file import read_report, write_report
from lander_runtime.scores.shards import Shard


@pytest.fixture(scope="module")
def report(tiny_discrete: Path) -> Report:
    """Twelve landings that fail; the measures of touchdown are null where the lander flew off."""
    return evaluate(Policy.load(tiny_discrete, "cpu"), episodes=12)


def read(data: Any) -> Report:
    return Report.from_json(Fields.parse(json.dumps(data), "stranger.json"))


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """`data` with the digest that belongs to it, as a forger would have it."""
    findings = {key: value for key, value in data.items() if key not in {*RUN_KEYS, *NO_FINDINGS}}
    findings["policy"] = {key: value for key, value in data["policy"].items() if key != "path"}
    return {**data, "report_sha256": digest(findings)}


@pytest.mark.parametrize("shard", [None, Shard(2, 3, 999_988, 36)])
def test_what_was_written_is_read(report: Report, tmp_path: Path, shard: Shard | None) -> None:
    written = Report(**{**vars(report), "shard": shard})
    write_report(tmp_path / "new" / "report.json", written)
    found = read_report(tmp_path / "new" / "report.json")
    assert found.to_json() == written.to_json()
    assert (found.shard, found.sha256) == (shard, report.sha256)
    assert found.results.returns.tobytes() == report.results.returns.tobytes()
    assert [values.tobytes() for values in found.results.measures.values()] == [
        values.tobytes() for values in report.results.measures.values()
    ]


def test_what_was_assumed_comes_back(report: Report) -> None:
    written = Report(**{**vars(report), "assumptions": ("The action is the output 'a'.",)})
    assert read(written.to_json()).assumptions == written.assumptions
    data = written.to_json()
    data["policy"]["assumptions"] = [1]
    with pytest.raises(InputRefused, match="assumptions"):
        read(sealed(data))


def test_a_report_of_a_function_in_an_unknown_world_comes_back_too(drifting: Any) -> None:
    report = evaluate(lambda obs: np.zeros(len(obs), np.int64), drifting, episodes=1)
    assert read(report.to_json()).to_json() == report.to_json()


def test_how_it_was_run_does_not_count(report: Report) -> None:
    data = report.to_json()
    data |= {
        "engine": "elsewhere",
        "seconds": 1.0,
        "policy": {**data["policy"], "path": "/moved/policy.onnx"},
    }
    assert read(data).sha256 == report.sha256


def nudge_return(data: dict[str, Any]) -> None:
    data["returns"][3] = float(np.nextafter(data["returns"][3], 0.0))


@pytest.mark.parametrize(
    "tamper",
    [
        nudge_return,
        lambda data: data.update(mean_return=data["mean_return"] + 1.0),
        lambda data: data["policy"].update(sha256="0" * 64),
        lambda data: data["env"].update(reward_threshold=-1000.0),
        lambda data: data["outcomes"].__setitem__(0, "landed"),
        lambda data: data.update(warnings=[]),
        lambda data: data.update(added=1),
        lambda data: data.update(report_sha256="0" * 64),
    ],
)
def test_a_finding_that_was_changed_is_refused(report: Report, tamper: Callable[[Any], None]) -> None:
    data = copy.deepcopy(report.to_json())
    tamper(data)
    with pytest.raises(InputRefused, match="changed or damaged"):
        read(data)


def test_the_digest_of_the_episodes_can_be_worked_out_from_the_entries_that_it_names(report: Report) -> None:
    data = report.to_json()
    episodes = {name: data[name] for name in ("env", "first_seed", "returns", "lengths", "outcomes")}
    text = json.dumps(
        {**episodes, "policy": data["policy"]["sha256"]},
        sort_keys=True, separators=(",", ":"), ensure_ascii=False,
    )  # fmt: skip
    assert data["episodes_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_report_of_an_older_version_has_no_digest_of_its_episodes_and_a_wrong_one_is_refused(
    report: Report,
) -> None:
    data = report.to_json()
    assert (
        read({key: value for key, value in data.items() if key != "episodes_sha256"}).sha256 == report.sha256
    )
    with pytest.raises(InputRefused, match="its episodes have the digest"):
        read({**data, "episodes_sha256": "0" * 64})


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (lambda data: data.update(mean_return=200.0), "mean_return"),
        (lambda data: data.update(max_return=300.0), "max_return"),
        (lambda data: data.update(episodes=13), "episodes"),
        (lambda data: data.update(first_seed=-5), "first_seed"),
        (lambda data: data["returns"].__setitem__(0, True), "returns"),
        (lambda data: data["returns"].__setitem__(0, "1"), "returns"),
        (lambda data: data["returns"].__setitem__(0, None), "returns"),
        (lambda data: data["returns"].__setitem__(0, 1e300), "returns"),
        (lambda data: data["returns"].__setitem__(0, 10**400), "returns"),
        (lambda data: data["returns"].pop(), "returns"),
        (lambda data: data["lengths"].__setitem__(0, 0), "lengths"),
        (lambda data: data["lengths"].__setitem__(0, 2**31), "lengths"),
        (lambda data: data["lengths"].__setitem__(0, 65.0), "lengths"),
        (lambda data: data["outcomes"].__setitem__(0, []), "outcomes"),
        (lambda data: data["outcomes"].pop(), "outcomes"),
        (lambda data: data.update(outcomes=[str(i) for i in range(300)]), "outcomes"),
        (lambda data: data["measures"]["touchdown x"]["values"].pop(), "touchdown x"),
        (lambda data: data["measures"]["touchdown x"].update(values={}), "values"),
        (lambda data: data.update(measures=[]), "measures"),
        (lambda data: data["env"].update(id="os:system"), "id"),
        (lambda data: data.pop("versions"), "versions"),
        (lambda data: data.update(lanes="32"), "lanes"),
        (lambda data: data.update(lanes=-1), "lanes"),
        (lambda data: data.update(lanes=10**400), "lanes"),
        # Merged, the sum of two of these was infinite, which is not JSON.
        (lambda data: data.update(seconds=1e308), "seconds"),
        (lambda data: data.update(seconds=-1.0), "seconds"),
        (lambda data: data.update(steps_per_second=1e308), "steps_per_second"),
        (lambda data: data.update(shard={"index": 4, "of": 3, "first_seed": 0, "episodes": 9}), "index"),
        (lambda data: data.update(schema="lander.evaluation/2"), "lander.evaluation/2"),
        (lambda data: data.update(returns=[], lengths=[], outcomes=[], measures={}), "at least one episode"),
    ],
)
def test_a_forgery_with_a_digest_of_its_own_is_refused_by_name(
    report: Report, tamper: Callable[[Any], None], named: str
) -> None:
    data = copy.deepcopy(report.to_json())
    tamper(data)
    with pytest.raises(InputRefused, match=named):
        read(sealed(data))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"schema": "lander.evaluation/1"}',
        b"[" * 100_000,
        b'{"schema": 1e999}',
        b"1" * 5_000,
        b'{"schema": "lander.evaluation/1", "policy": {"sha256": "\\ud800"}, "report_sha256": ""}',
    ],
    ids=["empty", "list", "object", "bytes", "schema", "deep", "infinite", "digits", "half a character"],
)
def test_what_is_no_report_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "stranger.json"
    file.write_bytes(content)
    with pytest.raises(InputRefused, match=r"stranger\.json"):
        read_report(file)


def test_half_a_report_is_refused(report: Report, tmp_path: Path) -> None:
    write_report(tmp_path / "report.json", report)
    content = (tmp_path / "report.json").read_bytes()
    (tmp_path / "report.json").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputRefused, match="not valid JSON"):
        read_report(tmp_path / "report.json")


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothere.json", "does not exist"), (".", "cannot be read"), ("zero\0byte", "cannot be read")],
)
def test_what_cannot_be_opened_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        read_report(tmp_path / name)


@pytest.mark.parametrize(("episodes", "of"), [(10, 1), (10, 3), (11, 4), (7, 7), (1000, 64)])
def test_parts_are_contiguous_whole_and_even(episodes: int, of: int) -> None:
    parts = [Shard(index, of, 500, episodes).seeds for index in range(1, of + 1)]
    assert [seed for part in parts for seed in part] == list(range(500, 500 + episodes))
    sizes = {len(part) for part in parts}
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("index", "of", "episodes"), [(0, 3, 9), (4, 3, 9), (1, 0, 9), (1, 10, 9)])
def test_a_part_that_does_not_exist_is_a_usage_error(index: int, of: int, episodes: int) -> None:
    with pytest.raises(UsageError):
        Shard(index, of, 0, episodes)
