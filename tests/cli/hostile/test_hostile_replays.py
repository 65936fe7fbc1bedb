"""Hostile texts in every field of a replay file."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import lander_rl
from hostile_texts import EVIL, MARKED, check_html, check_lines, places_in, planted, tried
from lander_runtime.errors import LanderError


@pytest.fixture(scope="module")
def replay_lines(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("replays") / "r.jsonl.gz"
    lander_rl.evaluate(tiny_path, episodes=2, workers=1, save_replay=path, env_args={"enable_wind": True})
    header, *episodes = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    header["policy"]["assumptions"] = ["Something."]
    return [header, *episodes]


def test_every_text_of_a_replay(lander: Any, replay_lines: list[dict[str, Any]], tmp_path: Path) -> None:
    header, first, second = replay_lines
    path = tmp_path / "r.jsonl.gz"
    for text in (EVIL, MARKED):
        for way in places_in({"header": header, "episode": first}):
            data = planted({"header": header, "episode": first}, way, text)
            lines = (data.get("header", {}), data.get("episode", {}), second)
            path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
            tried(lander, "replay", path)
            tried(lander, "replay", path, "--json")
            try:
                shown = lander_rl.replay(path)
            except LanderError as error:
                check_lines(str(error))
            else:
                check_lines(repr(shown))
                check_html(shown._repr_html_())
