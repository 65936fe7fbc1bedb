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
        ("Make it with: lander export 'my runs/a'", "Make it with: lander_rl.export('my runs/a')"),
        ("Make one with: lander export CHECKPOINT", "Make one with: lander_rl.export(CHECKPOINT)"),
        ("First: lander export CHECKPOINT --env ENV", "First: lander_rl.export(CHECKPOINT, env=ENV)"),
        ("Name --out. Type: lander train", "Name out. Type: lander_rl.train()"),
        ("Of one: lander plot runs/a runs/b", "Of one: lander_rl.plot('runs/a', 'runs/b')"),
        ("Of one: lander plot 001 002", "Of one: lander_rl.plot('001', '002')"),
        ("see: lander settings gamma", "see: lander_rl.settings('gamma')"),
        ("On: lander train --resume r --steps 512", "On: lander_rl.resume('r', steps=512)"),
        ("On: lander train --resume r --time 4s", "On: lander_rl.resume('r', time='4s')"),
        ("Type there: lander train --watch", "Type there: lander train --watch"),
        ("Type: lander export a --import m", "Type: lander export a --import m"),
        ("Type: lander export a b c", "Type: lander export a b c"),
        ("Type: lander export 'a", "Type: lander export 'a"),
        ("Type: lander train --resume", "Type: lander train --resume"),
        ("Make one: lander train, then lander export", "Make one: lander train, then lander export"),
        ("runs/--a is --out", "runs/--a is out"),
        ("Leave out --gif. Type: pip install --upgrade x", "Leave out gif. Type: pip install --upgrade x"),
        ("a--b and 1 --- 2", "a--b and 1 --- 2"),
    ],
)
def test_options_become_arguments_and_last_commands_calls_where_they_can(sentence: str, told: str) -> None:
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


def test_hints_are_calls(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(lander_rl.InputRefused) as refused:
        lander_rl.evaluate(trained.run)
    assert str(refused.value).endswith(f"Make it with: lander_rl.export({str(trained.run.path)!r})")
    with pytest.raises(UsageError, match=r"see: lander_rl\.settings\('learning_rate'\)$"):
        lander_rl.train(lr=0.001)
    with pytest.raises(lander_rl.InputRefused, match=r"Type: lander_rl\.train\(\)$"):
        lander_rl.plot()


@pytest.mark.parametrize(
    ("name", "told"),
    [("watch", "a terminal. Type there: lander train --watch"), ("seeds", "lander_rl.train_seeds(")],
)
def test_what_train_does_not_take_is_found_elsewhere(name: str, told: str) -> None:
    given: dict[str, Any] = {name: True}
    with pytest.raises(UsageError, match=f"train takes no '{name}'") as refused:
        lander_rl.train(**given)
    assert told in str(refused.value)


def test_a_hint_keeps_the_command_to_type(tmp_path: Path) -> None:
    with pytest.raises(lander_rl.InputRefused, match="lander eval --shard 1/2"):
        lander_rl.merge(tmp_path)
