"""`lander export --format c`: what it takes, what it writes, what it refuses."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_runtime.files import sha256_of

Lander = Callable[..., Any]
ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
DOOM = ROOT / "models" / "doom-basic-v1" / "policy.onnx"


@pytest.fixture
def tiny() -> Path:
    return Path(shutil.copy(DATA / "tiny-discrete.onnx", "tiny.onnx"))


def test_a_policy_file_gives_a_header_beside_it(lander: Lander, tiny: Path) -> None:
    found = lander("export", tiny, "--format", "c")
    assert found.code == 0
    rows = dict(re.findall(r"^(\S+) +(.*)$", found.out, re.MULTILINE))
    assert rows["header"].startswith("policy.h (")
    assert rows["network"].startswith("8 -> 16 relu -> 4; 212 numbers")
    assert rows["verified"].startswith("256 observations")
    text = Path("policy.h").read_text(encoding="ascii")
    assert "LunarLander-v3" in text
    assert "static inline int policy_act(" in text
    assert 'In a program: #include "policy.h", then policy_act(observation)\n' in found.err
    assert found.next == "lander verify tiny.onnx --all-runtimes"


def test_json_is_one_object_and_the_same_file_gives_the_same_bytes(lander: Lander, tiny: Path) -> None:
    found = lander("export", tiny, "--format", "c", "--out", "a/lander.h", "--name", "lander", "--json")
    assert found.code == 0
    said = json.loads(found.out)
    assert (said["schema"], said["header"], said["name"]) == ("lander.c_header/1", "a/lander.h", "lander")
    assert (said["numbers"], said["golden_vectors"], said["assumptions"]) == (212, 6, [])
    content = Path("a/lander.h").read_bytes()
    assert said["sha256"] == sha256_of(content)
    assert said["weights_sha256"] == json.loads(lander("inspect", tiny, "--json").out)["weights_sha256"]
    lander("export", tiny, "--format", "c", "--out", "b.h", "--name", "lander")
    assert Path("b.h").read_bytes() == content


def test_a_run_is_converted_and_verified_first(lander: Lander, barely_trained: Path) -> None:
    found = lander("export", barely_trained, "--format", "c", "--out", "run.h", "--license", "CC-BY-4.0")
    assert found.code == 0
    assert found.err.splitlines()[0] == f"Exporting {barely_trained / 'best.safetensors'}"
    assert "licence: CC-BY-4.0" in Path("run.h").read_text()
    assert not (barely_trained / "policy.onnx").exists()
    assert found.next == f"lander export {barely_trained}"


def test_a_file_of_another_library_says_what_was_assumed(lander: Lander) -> None:
    theirs = Path(shutil.copy(DATA / "cleanrl-agent.onnx", "theirs.onnx"))
    found = lander("export", theirs, "--format", "c", "--env", "LunarLander-v3")
    assert found.code == 0
    assert "assumed" in found.out
    assert "'logits' was taken for logits" in found.out


def test_without_an_environment_it_is_asked_for(lander: Lander) -> None:
    theirs = Path(shutil.copy(DATA / "cleanrl-agent.onnx", "theirs.onnx"))
    found = lander("export", theirs, "--format", "c")
    assert found.code == 3
    assert "--env LunarLander-v3" in found.message


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--name", "Policy"], 2, "--name 'Policy' cannot begin names in C"),
        (["--out", "policy.c"], 2, "should end in .h"),
        (["--episodes", "5"], 2, "--episodes goes with --format onnx"),
        (["--no-gif"], 2, "--gif goes with --format onnx"),
        (["--activation", "relu"], 2, "leave out --activation"),
        (["--license", "MIT"], 2, "leave out --license"),
        (["--normalizer", "stats.npz"], 2, "--normalizer: a header takes what is inside an ONNX file"),
    ],
)
def test_what_does_not_go_together(
    lander: Lander, tiny: Path, options: list[str], code: int, words: str
) -> None:
    found = lander("export", tiny, "--format", "c", *options)
    assert (found.code, found.out) == (code, "")
    assert words in found.message
    assert {path.name for path in Path().iterdir()} == {"tiny.onnx"}


def test_options_of_a_header_do_nothing_for_a_policy_file(lander: Lander, barely_trained: Path) -> None:
    found = lander("export", barely_trained, "--name", "lander")
    assert found.code == 2
    assert "--name goes with --format c" in found.message
    found = lander("export", barely_trained, "--format", "c", "--action-range", "env", "--out", "a.h")
    assert found.code == 2
    assert "--action-range is for ONNX files of other libraries" in found.message


def test_pictures_are_refused(lander: Lander) -> None:
    found = lander("export", DOOM, "--format", "c", "--out", "doom.h")
    assert (found.code, found.out) == (3, "")
    assert "pictures (Conv)" in found.message
    assert not Path("doom.h").exists()


def test_a_damaged_file_is_refused(lander: Lander, tiny: Path) -> None:
    tiny.write_bytes(tiny.read_bytes()[:500])
    found = lander("export", tiny, "--format", "c")
    assert (found.code, found.out) == (3, "")


def test_it_needs_neither_pytorch_nor_gymnasium(start: Callable[..., Any], tiny: Path) -> None:
    """Where importing them fails, as if they were not installed."""
    prelude = "import sys; sys.modules.update(torch=None, onnx=None, gymnasium=None, PIL=None)"
    assert start("export", tiny, "--format", "c", prelude=prelude).end().code == 0
    assert Path("policy.h").exists()
