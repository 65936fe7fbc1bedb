"""The routes: HTTP requests in, answers of policies out.

The protocol is in `protocol`, and what runs when in `batching`. Every refusal is `{"error": sentence}`, as
the protocol wants it, with the status: 400 malformed, 404 unknown, 408 too slow, 413 too long, 415 encoded,
500 the policy failed, 503 overloaded.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import ClientDisconnect

from lander_runtime.errors import LanderError, UsageError
from lander_runtime.policy.policy import Policy
from lander_runtime.serving.batching import Batcher, Overloaded
from lander_runtime.serving.metrics import CONTENT_TYPE, Metrics
from lander_runtime.serving.protocol import BINARY, JSON_LENGTH, Signature, read_request, write_answer
from lander_runtime.text import quoted

_BODY_SECONDS = 10.0
"""A client that takes longer to send a request is answered 408."""


@dataclass(frozen=True)
class Limits:
    """What one server takes on."""

    max_batch: int = 1024
    """Observations in one request, and in one run of a policy."""
    max_waiting: int = 4096
    """Observations that may wait for one policy; beyond it the answer is 503."""


@dataclass(frozen=True)
class _Served:
    signature: Signature
    batcher: Batcher


def make_app(
    policies: Mapping[str, Policy], limits: Limits, on_start: Callable[[], None] = lambda: None
) -> FastAPI:
    """The application, for any ASGI server.

    Args:
        policies: by the name in their addresses.
        limits: what it takes on.
        on_start: called once, when it begins to answer.
    """
    metrics = Metrics()
    served = {name: _serve(name, policy, limits, metrics) for name, policy in policies.items()}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        on_start()
        yield
        for one in served.values():
            one.batcher.close()

    # No page with scripts from elsewhere; openapi.json stays.
    app = FastAPI(
        title="lander", version=version("lander-rl"), lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.add_exception_handler(AnyHTTPException, _refuse)
    # The first route is found soonest.
    _add_inference(app, served, metrics)
    _add_models(app, served)
    _add_health(app, metrics)
    return app


def _serve(name: str, policy: Policy, limits: Limits, metrics: Metrics) -> _Served:
    batcher = Batcher(policy, limits.max_batch, limits.max_waiting, metrics.on_batch(name))
    metrics.watch_waiting(name, lambda: batcher.waiting)
    return _Served(Signature.of(name, policy, limits.max_batch), batcher)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


def _add_health(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/v2/health/live")
    @app.get("/v2/health/ready")
    async def is_ready() -> dict[str, Any]:
        # Policies are loaded and checked before the socket opens.
        return {}

    @app.get("/v2")
    async def server_metadata() -> dict[str, Any]:
        return {"name": "lander", "version": version("lander-rl"), "extensions": [BINARY]}

    @app.get("/metrics")
    async def prometheus() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)


def _add_inference(app: FastAPI, served: Mapping[str, _Served], metrics: Metrics) -> None:
    @app.post("/v2/models/{name}/infer")
    @app.post("/v2/models/{name}/versions/{number}/infer")
    async def infer(request: Request, name: str, number: str = "1") -> Response:
        one = _find(served, name, number)
        try:
            body = await _body(request, one.signature.longest_body)
            start = time.perf_counter()
            answer = await _answer(one, body, request.headers.get(JSON_LENGTH))
        except HTTPException as error:
            metrics.count(name, error.status_code, None)
            raise
        metrics.count(name, 200, time.perf_counter() - start)
        return answer


def _add_models(app: FastAPI, served: Mapping[str, _Served]) -> None:
    @app.get("/v2/models")
    async def names() -> dict[str, Any]:
        return {"models": list(served)}

    @app.get("/v2/models/{name}/ready")
    @app.get("/v2/models/{name}/versions/{number}/ready")
    async def model_is_ready(name: str, number: str = "1") -> dict[str, Any]:
        _find(served, name, number)
        return {}

    @app.get("/v2/models/{name}")
    @app.get("/v2/models/{name}/versions/{number}")
    async def model_metadata(name: str, number: str = "1") -> dict[str, Any]:
        return _find(served, name, number).signature.metadata()


def _find(served: Mapping[str, _Served], name: str, number: str) -> _Served:
    if name not in served or number != "1":
        raise HTTPException(404, f"There is no model {quoted(name)} of that version. See /v2/models.")
    return served[name]


async def _body(request: Request, longest: int) -> bytes:
    """The whole body, at most `longest` bytes, within `_BODY_SECONDS`."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "Expected a body that is not compressed.")
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                length += len(part)
                if length > longest:
                    raise HTTPException(413, f"A request to this model has at most {longest:,} bytes.")
                parts.append(part)
    except TimeoutError as error:
        raise HTTPException(408, f"The request took longer than {_BODY_SECONDS:g} s to arrive.") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The client has gone.") from error
    return b"".join(parts)


async def _answer(one: _Served, body: bytes, json_length: str | None) -> Response:
    try:
        asked = read_request(body, json_length, one.signature)
        outputs = await one.batcher.outputs(asked.obs)
        content, json_bytes = write_answer(asked, outputs, one.signature)
    except UsageError as error:
        raise HTTPException(400, str(error)) from error
    except Overloaded as error:
        raise HTTPException(
            503, "Too many observations wait already. Try again later.", {"Retry-After": "1"}
        ) from error
    except LanderError as error:
        raise HTTPException(500, "The policy failed on this batch.") from error
    except ValueError as error:
        raise HTTPException(
            500, "The policy's outputs are not finite. Ask for binary data to see them."
        ) from error
    if json_bytes is None:
        return Response(content, media_type="application/json")
    return Response(content, 200, {JSON_LENGTH: str(json_bytes)}, "application/octet-stream")
