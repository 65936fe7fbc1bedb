"""`lander verify`: what it prints, and its exit codes."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from lander_runtime.graphs.model import METADATA_KEY

Lander = Callable[..., Any]
DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def tiny() -> Path:
    return Path(shutil.copy(DATA / "tiny-discrete.onnx", "tiny.onnx"))


def damage(path: Path) -> None:
    """Claim the weights of another file."""
    model = onnx.load(path)
    data = json.loads(model.metadata_props[0].value) | {"weights_sha256": "f" * 64}
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(data)})
    path.write_bytes(model.SerializeToString())


def test_a_row_a_check_and_the_next_command(lander: Lander, tiny: Path) -> None:
    found = lander("verify", tiny)
    assert found.code == 0
    assert found.err.splitlines()[0] == "Verifying tiny.onnx (as named)"
    rows = dict(re.findall(r"^(\S+(?: \S+)*)  +(.*)$", found.out, re.MULTILINE))
    assert rows["schema"] == "passed: 1.0, for LunarLander-v3"
    assert rows["session"] == "passed: CPUExecutionProvider"
    assert all(value.startswith("passed: ") for name, value in rows.items() if name != "policy")
    assert shlex.split(found.next) == ["lander", "eval", "tiny.onnx", "--episodes", "1000"]


def test_json_is_one_object(lander: Lander, tiny: Path) -> None:
    found = lander("verify", tiny, "--json", "--device", "cpu")
    said = json.loads(found.out)
    assert (said["schema"], said["passed"], said["failed"], said["runtimes"]) == (
        "lander.verify/1",
        True,
        [],
        [],
    )
    assert {check["outcome"] for check in said["checks"]} == {"passed"}
    assert said["provider"] == "CPUExecutionProvider"


def test_a_false_claim_is_exit_1_and_everything_else_is_still_reported(lander: Lander, tiny: Path) -> None:
    damage(tiny)
    found = lander("verify", tiny, "--json")
    assert found.code == 1
    assert found.message.startswith("tiny.onnx: failed: weights.")
    said = json.loads(found.out)
    assert said["failed"] == ["weights"]
    assert len(said["checks"]) == 8


def test_only_what_cannot_be_parsed_is_exit_3(lander: Lander, tiny: Path) -> None:
    tiny.write_bytes(tiny.read_bytes()[:400])
    assert lander("verify", tiny).code == 3
    assert lander("verify", "nothing.onnx").code == 3
    assert lander("verify", DATA / "cleanrl-agent.onnx").code == 1


def test_without_episodes_it_needs_onnx_runtime_alone(start: Callable[..., Any], tiny: Path) -> None:
    prelude = "import sys; sys.modules.update(torch=None, onnx=None, gymnasium=None, PIL=None)"
    assert start("verify", tiny, prelude=prelude).end().code == 0


def test_one_episode_says_nothing_of_a_mean(lander: Lander, tiny: Path) -> None:
    found = lander("verify", tiny, "--episodes", "1")
    assert (found.code, found.out) == (2, "")
    assert "--episodes 1" in found.message


def test_all_runtimes_are_listed(lander: Lander, tiny: Path) -> None:
    found = lander("verify", tiny, "--all-runtimes")
    assert found.code in (0, 1)
    assert re.search(r"^runtime +version +difference", found.out, re.MULTILINE)
    assert re.search(r"^onnxruntime +\S+ .*agrees$", found.out, re.MULTILINE)
    assert re.search(r"^onnx2torch ", found.out, re.MULTILINE)
