"""Errors in Python name arguments; the command's still name options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lander_rl
from lander_rl.wording import in_python
from lander_runtime import UsageError


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("--save-replay x should end in .jsonl.gz.", "save_replay x should end in .jsonl.gz."),
        ("Leave out --env and --env-arg.", "Leave out env and env_args."),
        ("Make one: lander eval --shard 1/2", "Make one: lander eval --shard 1/2"),
        ("Leave out --gif. Type: pip install --upgrade x", "Leave out gif. Type: pip install --upgrade x"),
        ("a--b and 1 --- 2", "a--b and 1 --- 2"),
    ],
)
def test_options_become_arguments_and_commands_stay(sentence: str, told: str) -> None:
    assert in_python(sentence) == told


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: lander_rl.evaluate(render="human", workers=2), "Leave out workers."),
        (lambda: lander_rl.evaluate(gif="x.mp4"), "gif x.mp4"),
        (lambda: lander_rl.record(path="x.avi"), "path x.avi"),
        (lambda: lander_rl.merge("a.json", out="x.txt"), "out x.txt"),
        (lambda: lander_rl.replay("a.jsonl.gz", speed=0.0), "speed 0"),
    ],
)
def test_functions_speak_of_their_arguments(call: Callable[[], Any], named: str) -> None:
    with pytest.raises(UsageError) as refused:
        call()
    assert named in str(refused.value)
    assert "--" not in str(refused.value)


def test_a_hint_keeps_the_command_to_type(tmp_path: Path) -> None:
    with pytest.raises(lander_rl.InputRefused, match="lander eval --shard 1/2"):
        lander_rl.merge(tmp_path)
