"""`lander serve` as a process, asked over a real socket."""

import http.client
import json
import shlex
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton

from lander_runtime import Policy

Lander = Callable[..., Any]
Start = Callable[..., Any]

ROW = [0.5, -1.25, 0.0, 3.0, 1e-3, -2.0, 1.0, 0.0]
REQUEST = {"inputs": [{"name": "obs", "datatype": "FP32", "shape": [1, 8], "data": ROW}]}
INFER = "/v2/models/tiny/infer"


@dataclass(frozen=True)
class Server:
    child: Any
    port: int

    @classmethod
    def of(cls, child: Any) -> "Server":
        """The server that `child` is, as soon as it answers."""
        child.wait_until(lambda: "/v2/models/" in child.out.read_text())
        return cls(child, int(child.out.read_text().split(":")[2].split("/")[0]))

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(content) if is_json else content
        finally:
            connection.close()

    def connect(self, start: bytes) -> socket.socket:
        """A connection on which `start` has been sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), 20)
        connection.sendall(start)
        return connection


@pytest.fixture
def server(start: Start, tiny: Path) -> Server:
    return Server.of(start("serve", tiny, "--port", "0"))


def head(length: int) -> bytes:
    return f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def status_of(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as answer:
        return answer.readline().split()[1]


def test_health_names_and_metadata(server: Server) -> None:
    assert server.ask("GET", "/v2/health/live") == (200, {})
    assert server.ask("GET", "/v2/health/ready") == (200, {})
    assert server.ask("GET", "/v2/models/tiny/ready") == (200, {})
    assert server.ask("GET", "/v2/models/tiny/versions/1/ready") == (200, {})
    assert server.ask("GET", "/v2/models") == (200, {"models": ["tiny"]})
    assert server.ask("GET", "/v2")[1]["name"] == "lander"
    assert server.ask("GET", "/v2/models/tiny")[1]["inputs"][0]["shape"] == [-1, 8]
    status, described = server.ask("GET", "/openapi.json")
    assert status == 200
    assert "/v2/models/{name}/infer" in described["paths"]


def test_its_hint_asks_for_an_action(server: Server) -> None:
    server.child.wait_until(lambda: "Next: " in server.child.err.read_text())
    command = server.child.err.read_text().rpartition("\nNext: ")[2]
    curl, address, option, body = shlex.split(command)
    host = f"http://127.0.0.1:{server.port}"
    assert (curl, address, option) == ("curl", host + INFER, "-d")
    # As curl sends it.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer = server.ask("POST", INFER, body.encode(), **form)
    assert (status, [output["name"] for output in answer["outputs"]]) == (200, ["action"])


def test_an_action(server: Server, tiny: Path) -> None:
    status, answer = server.ask("POST", INFER, json.dumps(REQUEST).encode())

    assert status == 200
    assert answer["outputs"][0]["data"] == [Policy.load(tiny, "cpu").act(np.float32(ROW))]


def test_tritons_client_with_raw_numbers(server: Server, tiny: Path) -> None:
    obs = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    expected = Policy.load(tiny, "cpu").outputs(obs)
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    tensor = triton.InferInput("obs", list(obs.shape), "FP32")
    tensor.set_data_from_numpy(obs)

    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    answer = client.infer("tiny", [tensor])
    assert answer.as_numpy("action").tolist() == expected["action"].tolist()
    assert answer.as_numpy("logits").tobytes() == expected["logits"].tobytes()
    tensor.set_data_from_numpy(obs, binary_data=False)
    wanted = triton.InferRequestedOutput("action", binary_data=False)
    answer = client.infer("tiny", [tensor], outputs=[wanted], request_id="seven")
    assert answer.as_numpy("action").tolist() == expected["action"].tolist()
    assert answer.get_response()["id"] == "seven"
    client.close()


def test_a_hundred_clients_get_the_actions_of_direct_calls(server: Server, tiny: Path) -> None:
    obs = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    expected = Policy.load(tiny, "cpu").act(obs).tolist()
    together = threading.Barrier(100)

    def ask(row: list[float]) -> int:
        body = json.dumps({"inputs": [{**REQUEST["inputs"][0], "data": row}]}).encode()
        together.wait(60)
        status, answer = server.ask("POST", INFER, body)
        assert status == 200
        return answer["outputs"][0]["data"][0]

    with ThreadPoolExecutor(100) as clients:
        found = list(clients.map(ask, obs.tolist()))

    assert found == expected


REFUSED: list[tuple[str, str, bytes | None, dict[str, str], int, str]] = [
    ("GET", "/nothing", None, {}, 404, "Not Found"),
    ("GET", "/v2/models/nope", None, {}, 404, "There is no model 'nope'"),
    ("GET", "/v2/models/tiny/versions/2", None, {}, 404, "There is no model 'tiny' of that version"),
    ("GET", "/v2/models/%1b%5b31m", None, {}, 404, "There is no model '\\x1b[31m'"),
    ("GET", INFER, None, {}, 405, "Method Not Allowed"),
    ("POST", INFER, b"{", {}, 400, "The body is no JSON"),
    ("POST", INFER, b" " * 900_000, {}, 413, "at most"),
    ("POST", INFER, b"x", {"Content-Encoding": "gzip"}, 415, "not compressed"),
    ("POST", INFER, b"{}", {"Inference-Header-Content-Length": "9"}, 400, "should be the bytes"),
]
"""Method, path, body and headers; the status and a part of the sentence."""


def test_what_is_refused(server: Server) -> None:
    for method, path, body, headers, status, sentence in REFUSED:
        found, answer = server.ask(method, path, body, **headers)

        assert (found, list(answer)) == (status, ["error"]), path
        assert sentence in answer["error"]
    assert server.ask("POST", INFER, json.dumps(REQUEST).encode())[0] == 200
    metrics = server.ask("GET", "/metrics")[1].decode()
    assert 'lander_requests_total{policy="tiny",status="200"} 1.0' in metrics
    assert 'lander_requests_total{policy="tiny",status="400"} 2.0' in metrics


def test_slow_clients_harm_no_other(server: Server) -> None:
    slow = [server.connect(head(100) + b"{") for _ in range(100)]

    for _ in range(20):
        assert server.ask("POST", INFER, json.dumps(REQUEST).encode())[0] == 200
    assert {status_of(connection) for connection in slow} == {b"408"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_after_the_requests_that_have_begun(
    server: Server, number: signal.Signals, code: int
) -> None:
    body = json.dumps(REQUEST).encode()
    begun = server.connect(head(len(body)))
    assert server.ask("GET", "/v2/health/live")[0] == 200
    server.child.process.send_signal(number)
    begun.sendall(body)

    assert status_of(begun) == b"200"
    outcome = server.child.end()
    assert outcome.code == code
    assert "Traceback" not in outcome.err


def test_a_port_that_is_taken(lander: Lander, tiny: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = lander("serve", tiny, "--port", str(taken.getsockname()[1]))

    assert outcome.code == 4
    assert "Address already in use" in outcome.message


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--host", "no such host"], 2, "is no address"),
        (["--port", "65536"], 2, "--port"),
        (["--max-batch", "0"], 2, "--max-batch"),
        (["--max-batch", "9", "--max-waiting", "8"], 2, "--max-waiting"),
        (["absent.onnx"], 3, "absent.onnx"),
        (["--device", "tpu"], 2, "tpu"),
    ],
)
def test_what_it_does_not_start_with(
    lander: Lander, tiny: Path, options: list[str], code: int, sentence: str
) -> None:
    outcome = lander("serve", *([] if options[0].endswith(".onnx") else [tiny]), *options)

    assert outcome.code == code
    assert sentence in outcome.err
