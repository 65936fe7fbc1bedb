"""Hostile texts in every field of a report, and in parts that do not fit together."""

import json
from pathlib import Path
from typing import Any

import pytest

import lander_rl
from hostile_texts import EVIL, MARKED, check_html, check_lines, places_in, planted, tried
from lander_runtime.json_data.digest import digest
from lander_runtime.scores.report import NO_FINDINGS, RUN_KEYS


@pytest.fixture(scope="module")
def report_of(tiny_path: Path) -> dict[str, Any]:
    found = lander_rl.evaluate(tiny_path, episodes=3, workers=1, env_args={"enable_wind": True})
    data = found.to_json()
    data["env"]["kwargs"]["enable_wind"] = "yes"
    data["policy"]["assumptions"] = ["Something."]
    return data


def write_report(data: dict[str, Any], path: Path) -> Path:
    """The report with the digest that a forger would give it."""
    findings = {k: v for k, v in data.items() if k not in {*RUN_KEYS, *NO_FINDINGS}}
    findings["policy"] = {k: v for k, v in data["policy"].items() if k != "path"}
    # Reports of older versions have no digest of the episodes alone.
    rest = {k: v for k, v in data.items() if k != "episodes_sha256"}
    path.write_text(json.dumps({**rest, "report_sha256": digest(findings)}))
    return path


def test_every_text_of_a_report(lander: Any, report_of: dict[str, Any], tmp_path: Path) -> None:
    taken = 0
    for text in (EVIL, MARKED):
        for way in places_in(report_of):
            try:
                path = write_report(planted(report_of, way, text), tmp_path / "r.json")
            except (KeyError, AttributeError):  # Without `policy` there is no digest to forge.
                continue
            outcome = tried(lander, "merge", path)
            tried(lander, "compare", path, path)
            if outcome.code == 0:
                taken += 1
                tried(lander, "merge", path, "--json")
                tried(lander, "compare", path, path, "--json")
                merged = lander_rl.merge(path)
                check_lines(repr(merged))
                check_html(merged._repr_html_())
                for comparison in (lander_rl.compare(path, path), lander_rl.compare(merged, merged)):
                    check_lines(repr(comparison))
                    check_html(comparison._repr_html_())
    assert taken > 10


def test_parts_that_differ_in_hostile_ways(lander: Any, tiny_path: Path, tmp_path: Path) -> None:
    parts = []
    for shard in ("1/2", "2/2"):
        part = lander_rl.evaluate(tiny_path, episodes=4, workers=1, shard=shard)
        data = part.to_json()
        data["versions"] = {"numpy": EVIL + shard, EVIL: "1"}
        parts.append(write_report(data, tmp_path / f"{shard[0]}.json"))
    outcome = tried(lander, "merge", *parts)
    assert outcome.code == 0
    assert "differ" in outcome.err
