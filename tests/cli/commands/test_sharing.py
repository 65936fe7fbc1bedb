"""`lander push`, `lander pull`: what they print and suggest; tests/api/sharing has the rest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_rl.sharing.pulling import Pulled
from lander_rl.sharing.pushing import Pushed, PushRequest

Lander = Callable[..., Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Requests that the commands made, instead of carrying them out."""
    requests: list[Any] = []

    def push(request: Any, observer: Any) -> Pushed:
        requests.append(request)
        return Pushed(request.repository, "https://hub/commit/1", ("policy.onnx",), "as claimed")

    def pull(request: Any, observer: Any) -> Pulled:
        requests.append(request)
        model = Path("hub/me/cart/ppo.zip")
        return Pulled(request.repository, "1" * 40, model, None, "CartPole-v1", (model,), None, None)

    monkeypatch.setattr("lander_rl.sharing.pushing.run_push", push)
    monkeypatch.setattr("lander_rl.sharing.pulling.run_pull", pull)
    return requests


def test_push(lander: Lander, asked: list[Any]) -> None:
    outcome = lander("push", "me/cart")
    assert outcome.out.splitlines()[0] == "pushed  me/cart"
    assert outcome.next == "lander pull me/cart --check"
    lander("push", "runs/x", "me/cart", "--private", "--no-check", "--replay", "r.jsonl.gz")
    assert asked == [
        PushRequest(repository="me/cart"),
        PushRequest(
            repository="me/cart", policy=Path("runs/x"), private=True, check=False, replay=Path("r.jsonl.gz")
        ),
    ]
    outcome = lander("push", "a", "b", "c/d")
    assert (outcome.code, outcome.message[:24]) == (2, "Name what to push and th")


def test_pull(lander: Lander, asked: list[Any]) -> None:
    outcome = lander("pull", "me/cart", "--import", "json")
    assert "nothing yet: it is another library's file" in outcome.out
    assert outcome.next == "lander export hub/me/cart/ppo.zip --env CartPole-v1 --import json"
    outcome = lander("pull", "me/cart", "--json", "--check", "--offline", "--out", "here")
    assert json.loads(outcome.out)["schema"] == "lander.pull/1"
    assert (asked[1].check, asked[1].offline, asked[1].out) == (True, True, Path("here"))


def test_a_name_that_is_none(lander: Lander) -> None:
    outcome = lander("pull", "alone")
    assert outcome.code == 2
    assert outcome.message.startswith("A repository of the Hub is USER/NAME")
