"""`lander demo` runs the three commands; each is tested in a file of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_cli.commands.training import demo

Lander = Callable[..., Any]


def test_the_three_commands_run_in_their_order(lander: Lander, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that was trained is exported and scored, whatever else is trained beside it."""
    ran: list[tuple[Any, ...]] = []
    run = Path("runs/LunarLander-v3/001")
    for name in ("train", "export", "eval"):

        def record(*given: object, name: str = name, **options: Any) -> Path:
            ran.append((name, *(one for one in given if isinstance(one, Path)), options))
            return run

        monkeypatch.setattr(demo, f"{name}_command", record)

    outcome = lander("demo")

    assert outcome.code == 0
    assert ran == [("train", {}), ("export", run, {}), ("eval", run / "policy.onnx", {"episodes": 10})]
    assert f"lander eval {run / 'policy.onnx'} --episodes 10" in outcome.err
