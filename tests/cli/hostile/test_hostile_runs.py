"""Hostile texts in every file of a run: checkpoint, settings, metrics."""

import json
import re
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

import lander_rl
from hostile_texts import EVIL, GYMNASIUM, KEY, MARKED, check_lines, places_in, planted, tried


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    lander_rl.train(
        "CartPole-v1", steps=1000, backend="gymnasium", device="cpu", out=folder, progress=False,
        env_args={"sutton_barto_reward": True},
        lanes=8, rollout_steps=32, selection_episodes=2,
    )  # fmt: skip
    return folder


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The header, what `lander` says in it, and the tensors."""
    content = path.read_bytes()
    [size] = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    return header, json.loads(header["__metadata__"]["lander.checkpoint"]), content[8 + size :]


def write_checkpoint(path: Path, header: dict[str, Any], told: Any, tensors: bytes) -> None:
    header["__metadata__"]["lander.checkpoint"] = json.dumps(told)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + tensors)


def test_every_text_of_a_checkpoint(lander: Any, run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    header, told, tensors = read_checkpoint(run / "checkpoint.safetensors")
    written, exported = folder / "checkpoint.safetensors", ("--out", tmp_path / "p.onnx")
    taken: Any = told
    for way in places_in({"all": told}):
        data = planted({"all": told}, way, EVIL).get("all", {})
        write_checkpoint(written, header, data, tensors)
        tried(lander, "train", "--resume", folder, "--steps", 1)
        outcome = tried(lander, "export", written, *exported, "--episodes", 0, "--no-gif")
        if outcome.code == 0:
            check_card(tmp_path / "p.md")
            taken = planted({"all": taken}, way, MARKED)["all"] if KEY not in way else taken
    assert taken != told
    write_checkpoint(written, header, taken, tensors)
    assert tried(lander, "export", written, *exported, "--episodes", 1, "--no-gif").code == 0
    check_card(tmp_path / "p.md")
    assert tried(lander, "inspect", tmp_path / "p.onnx", "--json").code == 0


def check_card(path: Path) -> None:
    """Its headings and blocks of code are those that every card has."""
    text = path.read_text()
    check_lines(text)
    assert not re.search("<[a-z]", text)
    lines = text.split("\n")
    headings = [line for line in lines if line.startswith("#")]
    assert headings[0] == "# CartPole-v1"
    known = ("Score", "Training", "Verification", "Run it", "Licence", "What the score means")
    assert set(headings[1:]) <= {f"## {name}" for name in known}
    for line in lines:
        assert line.startswith("    ") or not re.search(r"(?<!\\)\]\(http", line.replace(GYMNASIUM, "")), line


def test_every_text_of_the_settings_beside_a_run(lander: Any, run: Path, tmp_path: Path) -> None:
    import tomllib

    import tomli_w

    folder = Path(shutil.copytree(run, tmp_path / "run"))
    settings = tomllib.loads((run / "config.toml").read_text())
    for way in places_in(settings):
        (folder / "config.toml").write_text(tomli_w.dumps(planted(settings, way, EVIL)))
        tried(lander, "plot", folder, run, "--out", "p.png")
    (folder / "config.toml").write_text(tomli_w.dumps({**settings, "env": EVIL}))
    tried(lander, "plot", folder, "--out", "p.svg")
    tried(lander, "plot", folder, "--json", "--out", "p.png")


def test_every_text_of_the_metrics(lander: Any, run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])
    for key in first:
        (folder / "metrics.jsonl").write_text(json.dumps({**first, key: EVIL}) + "\n")
        tried(lander, "plot", folder)
    (folder / "metrics.jsonl").write_text(json.dumps({**first, EVIL: 1}) + "\n")
    tried(lander, "plot", folder)
