"""Policies that are not files: a PyTorch module and a remote service are evaluated like a file."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from lander_runtime import EnvSpec, Policy, evaluate
from lander_runtime.foreign.foreign import ForeignPolicy

DATA = Path(__file__).parents[2] / "data"


def test_a_module_of_pytorch_scores_what_its_export_scores() -> None:
    torch = pytest.importorskip("torch")
    path = DATA / "cleanrl-agent-opset11.onnx"
    weights = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(path).graph.initializer
        if tensor.name.startswith("actor.")
    }

    class Agent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.actor = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4))

        @torch.no_grad()
        def forward(self, obs: NDArray[np.float32]) -> NDArray[np.int64]:
            return self.actor(torch.from_numpy(obs)).argmax(dim=1).numpy()

    agent = Agent()
    agent.load_state_dict(weights)
    as_module = evaluate(agent, "LunarLander-v3", episodes=5)
    as_file = evaluate(ForeignPolicy.load(path, "LunarLander-v3", "cpu"), episodes=5)
    assert as_module.results.returns.tolist() == as_file.results.returns.tolist()
    assert as_module.policy_sha256 is None
    assert as_module.to_json()["policy"] == {"sha256": None, "path": None}


@pytest.fixture
def service(discrete: Policy) -> Iterator[str]:
    """The address of a server on this machine that answers observations with the actions of `discrete`."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            actions = discrete.act(np.array(asked, np.float32))
            body = json.dumps(actions.tolist()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name it has there)
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_remote_service_scores_what_its_policy_scores(
    service: str, discrete: Policy, drifting: EnvSpec
) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(obs: NDArray[np.float32]) -> NDArray[np.int64]:
        with opener.open(service, json.dumps(obs.tolist()).encode(), timeout=60) as answer:
            return np.array(json.load(answer))

    remote = evaluate(ask, drifting, episodes=10, lanes=5)
    assert remote.results.returns.tolist() == (
        evaluate(discrete, drifting, episodes=10).results.returns.tolist()
    )
