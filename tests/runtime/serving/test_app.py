"""The application without a socket: what it answers where a policy is slow or fails."""

import asyncio
import json
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from lander_runtime import InputRefused, Policy
from lander_runtime.serving import app as app_module
from lander_runtime.serving.app import Limits, make_app

REQUEST = json.dumps(
    {"inputs": [{"name": "obs", "datatype": "FP32", "shape": [4, 8], "data": [0.5] * 32}]}
).encode()


class Slow(Policy):
    """Runs when it may; the first runs, which tell the app shapes and times, take longer than it likes."""

    is_gated = False

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.started, self.may_run = threading.Event(), threading.Event()

    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        if not np.any(obs):
            threading.Event().wait(0.01)
        elif self.is_gated:
            self.started.set()
            self.may_run.wait(10)
        return super().outputs(obs)


class Failing(Policy):
    """Fails once it has been opened, on all observations but zeros."""

    is_broken = False

    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        if self.is_broken and np.any(obs):
            raise InputRefused("/home/somebody/policy.onnx: a sentence for the log only")
        return super().outputs(obs)


class Infinite(Policy):
    """Gives logits that JSON cannot carry, once it has been opened."""

    is_broken = False

    def outputs(self, obs: ArrayLike) -> dict[str, NDArray[Any]]:
        if not self.is_broken:
            return super().outputs(obs)
        return {**super().outputs(obs), "logits": np.full((len(np.asarray(obs)), 4), np.inf, np.float32)}


async def post(app: Any, *parts: bytes, between: float = 0.0) -> tuple[int, dict[str, Any]]:
    """The status and JSON of the answer to a request for actions whose body arrives in `parts`."""
    waiting = list(parts)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(between)
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path = "/v2/models/p/infer"
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": [], "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


def test_beyond_the_limit_the_answer_is_503_at_once(policy: Policy) -> None:
    slow = Slow.load(policy.path, "cpu")
    slow.is_gated = True
    app = make_app({"p": slow}, Limits(max_batch=4, max_waiting=8))

    async def overload() -> list[tuple[int, dict[str, Any]]]:
        first = asyncio.create_task(post(app, REQUEST))
        await asyncio.to_thread(slow.started.wait, 10)
        waiting = [asyncio.create_task(post(app, REQUEST)) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await post(app, REQUEST)
        slow.may_run.set()
        return [refused, *await asyncio.gather(first, *waiting), await post(app, REQUEST)]

    refused, *answered = asyncio.run(overload())

    assert refused == (503, {"error": "Too many observations wait already. Try again later."})
    assert [status for status, _ in answered] == [200] * 4


def test_a_policy_that_fails_is_500_and_keeps_its_reasons(policy: Policy) -> None:
    failing = Failing.load(policy.path, "cpu")
    failing.is_broken = True
    app = make_app({"p": failing}, Limits())

    assert asyncio.run(post(app, REQUEST)) == (500, {"error": "The policy failed on this batch."})


def test_outputs_that_json_cannot_carry(policy: Policy) -> None:
    infinite = Infinite.load(policy.path, "cpu")
    infinite.is_broken = True
    app = make_app({"p": infinite}, Limits())

    status, answer = asyncio.run(post(app, REQUEST))

    assert status == 500
    assert "Ask for binary data" in answer["error"]


def test_a_body_in_parts(policy: Policy) -> None:
    app = make_app({"p": policy}, Limits())

    status, answer = asyncio.run(post(app, REQUEST[:10], REQUEST[10:11], REQUEST[11:]))

    assert status == 200
    assert answer["outputs"][0]["data"] == [policy.act(np.full(8, 0.5, np.float32))] * 4


def test_a_body_that_takes_too_long(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "_BODY_SECONDS", 0.05)
    app = make_app({"p": policy}, Limits())

    status, answer = asyncio.run(post(app, REQUEST, b"", between=0.2))

    assert status == 408
    assert "took longer" in answer["error"]


def test_a_body_of_endless_parts(policy: Policy) -> None:
    app = make_app({"p": policy}, Limits(max_batch=1))

    status, answer = asyncio.run(post(app, *[b" " * 1000] * 100))

    assert status == 413
    assert "at most 16,640 bytes" in answer["error"]
