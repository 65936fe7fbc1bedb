"""`lander demo` runs the three commands; each is tested in a file of its own."""

from collections.abc import Callable
from typing import Any

import pytest

from lander_cli.commands.training import demo

Lander = Callable[..., Any]


def test_the_three_commands_run_in_their_order(lander: Lander, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, dict[str, Any]]] = []
    for name in ("train", "export", "eval"):

        def record(*context: object, name: str = name, **options: Any) -> None:
            ran.append((name, options))

        monkeypatch.setattr(demo, f"{name}_command", record)

    outcome = lander("demo")

    assert outcome.code == 0
    assert ran == [("train", {}), ("export", {}), ("eval", {"episodes": 10})]
    assert "lander eval --episodes 10" in outcome.err
